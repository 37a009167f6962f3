// Threads that make blocking calls so that the event loop makes none. They belong to the process, not to a Runtime:
// started when there is work for them, and no reason for the process to go on when there is none.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

import { abortedBy, fromPlain, type PlainFailure, throwIfAborted } from "./failure.ts";
import type { JobName, Jobs } from "./jobs.ts";
import { requireLinux } from "./platform.ts";

export type Question = { readonly name: JobName; readonly argument: unknown };
export type Answer = { readonly value: unknown } | { readonly failure: PlainFailure };

/** What a job returns. */
export type Result<Name extends JobName> = ReturnType<Jobs[Name]>;

type Task = {
  readonly question: Question;
  readonly settle: (answer: Answer) => void;
  started: boolean;
};
type Thread = { readonly worker: Worker; task?: Task };

/** Twice the processors: half of a create is waiting for init and for the kernel. */
const most = Math.min(Math.max(2 * availableParallelism(), 4), 32);
const waiting: Task[] = [];
const idle: Thread[] = [];
let count = 0;

/**
 * Has a worker do a job. A job that has begun goes on to its end whatever the signal says; what it made is then given
 * to `undo`, before the call is rejected.
 */
export async function perform<Name extends JobName>(
  name: Name,
  argument: Parameters<Jobs[Name]>[0],
  options: { signal?: AbortSignal; undo?: (result: Result<Name>) => Promise<void> } = {},
): Promise<Result<Name>> {
  const { signal, undo } = options;
  requireLinux();
  throwIfAborted(signal);
  const answer = await ask({ name, argument }, signal);
  if (answer === undefined) throw abortedBy(signal!);
  if ("failure" in answer) throw signal?.aborted ? abortedBy(signal) : fromPlain(answer.failure);
  const result = answer.value as Result<Name>;
  if (!signal?.aborted) return result;
  await undo?.(result);
  throw abortedBy(signal);
}

/** Undefined: given up before it began. */
function ask(question: Question, signal: AbortSignal | undefined): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const settle = (answer: Answer | undefined): void => {
      signal?.removeEventListener("abort", giveUp);
      resolve(answer);
    };
    const task: Task = { question, settle, started: false };
    const giveUp = (): void => {
      if (task.started) return;
      waiting.splice(waiting.indexOf(task), 1);
      settle(undefined);
    };
    signal?.addEventListener("abort", giveUp);
    waiting.push(task);
    assign();
  });
}

function assign(): void {
  while (waiting.length > 0) {
    const thread = idle.pop() ?? (count < most ? startThread() : undefined);
    if (thread === undefined) return;
    const task = waiting.shift()!;
    task.started = true;
    thread.task = task;
    thread.worker.ref();
    thread.worker.postMessage(task.question, []);
  }
}

function startThread(): Thread {
  const worker = new Worker(workerFile(), {
    name: "tsrun",
    env: environment(),
    execArgv: [],
    trackUnmanagedFds: false,
  });
  const thread: Thread = { worker };
  count += 1;
  worker.on("message", (answer: Answer) => finish(thread, answer));
  worker.on("error", (error) => fail(thread, error));
  worker.on("exit", () => {
    count -= 1;
    fail(thread, new Error("it has ended"));
    assign();
  });
  return thread;
}

function finish(thread: Thread, answer: Answer): void {
  const { task } = thread;
  thread.task = undefined;
  idle.push(thread);
  if (waiting.length === 0) thread.worker.unref();
  assign();
  task?.settle(answer);
}

function fail(thread: Thread, error: unknown): void {
  const { task } = thread;
  thread.task = undefined;
  const index = idle.indexOf(thread);
  if (index >= 0) idle.splice(index, 1);
  const message = `a worker of tsrun failed: ${(error as Error).message}`;
  task?.settle({ failure: { code: "INTERNAL", message } });
}

/** In the npm package a bundle, in the sources a file of TypeScript. */
function workerFile(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "worker.ts" : "worker.js", import.meta.url);
}

/** What the process was told by its own manager is not for containers. */
function environment(): NodeJS.ProcessEnv {
  const others = /^(NODE_|TSRUN_|LISTEN_(FDS|PID|FDNAMES)$|NOTIFY_SOCKET$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !others.test(name)));
}
