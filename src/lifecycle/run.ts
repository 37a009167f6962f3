import { closeSync } from "node:fs";

import { describeShortage, readOutOfMemory } from "../cgroup/oom.ts";
import { native } from "../native.ts";
import { openForeground } from "../stdio/foreground.ts";
import { bindNotify } from "../stdio/notify.ts";
import { converse, sendGo } from "./converse.ts";
import { opFailure, outOfMemoryHint } from "./failure.ts";
import { runContainerHooks } from "./hooks.ts";
import { located } from "./locate.ts";
import { containerRoot, discard, type Made, makeContainer, release } from "./make.ts";
import { writePidFile } from "./pid-file.ts";
import { type CreateOptions, prepare } from "./prepare.ts";
import { awaitReadiness, runPoststartHooks } from "./start.ts";

export type RunOptions = CreateOptions & {
  readonly detach: boolean;
  readonly keep: boolean;
  readonly noSubreaper: boolean;
};

/** Makes and starts a container. In the foreground: stays with it to its end and returns its exit status. */
export function runContainer(options: RunOptions): number {
  const intent = prepare(options, { start: "sync", detach: options.detach });
  if (!options.noSubreaper) native().setChildSubreaper(true);
  if (options.detach) {
    const made = makeContainer(intent, [0, 1, 2]);
    const notify = begin(made);
    release(made);
    made.warnings.forEach(options.warn);
    if (notify !== undefined) awaitReadiness(notify, made.state);
    return 0;
  }
  const terminal = intent.loaded.spec.process?.terminal === true;
  const foreground = openForeground({ terminal, owner: containerRoot(intent) });
  try {
    const made = makeContainer(intent, foreground.stdio);
    foreground.attach(made.console);
    const notify = begin(made);
    closeSync(made.lock);
    made.warnings.forEach(options.warn);
    const code = foreground.stay({ pid: made.pid, pidfd: made.pidfd, notify });
    if (code === killed) explainKill(made, options.warn);
    finish(made, options);
    return code;
  } finally {
    foreground.close();
  }
}

/** Lets the user's program run, with the hooks before and after; returns the socket for its READY=. */
export function begin(made: Made): number | undefined {
  const { intent, state, pid, pidfd, cgroupFd } = made;
  try {
    const notify = bindNotify(intent.directory);
    runContainerHooks("startContainer", made.startHooks, { state, pid, pidfd, cgroupFd });
    sendGo(made.socket);
    const progress = converse(made.socket, made.progress, () => {});
    if (progress.at === "failed") throw opFailure(intent.plan, progress.report, intent.loaded.spec);
    runPoststartHooks(state);
    if (intent.pidFile !== undefined) writePidFile(intent.pidFile, pid);
    return notify;
  } catch (error) {
    discard(made);
    throw located(error, intent.loaded);
  }
}

/** 128 and SIGKILL. */
const killed = 137;

function explainKill({ state }: Made, warn: (message: string) => void): void {
  const path = state.cgroup?.path;
  const oom = path === undefined ? undefined : readOutOfMemory(path);
  if (oom === undefined) return;
  warn(`container process was OOM-killed: ${describeShortage(oom, path!)}; ${outOfMemoryHint}`);
}

function finish(made: Made, options: RunOptions): void {
  closeSync(made.socket);
  if (options.keep) {
    for (const fd of [made.pidfd, made.cgroupFd]) if (fd >= 0) closeSync(fd);
    return;
  }
  discard({ ...made, socket: -1, lock: -1 });
}
