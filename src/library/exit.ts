// How a process ended, as one value.
import { readCgroupFile } from "../cgroup/files.ts";
import { abortedBy, throwIfAborted } from "./failure.ts";
import type { Ended, Watched } from "./children.ts";
import { signalName } from "./signals.ts";
import type { Abortable, ExitStatus } from "./types.ts";

/** A process whose end is waited for. */
export type Awaited = {
  readonly watched: Watched;
  readonly status: Promise<ExitStatus>;
  /** When it began to run. */
  startedAt: number;
};

/** Makes the status when the process ends: what its cgroup tells has to be read before that is removed. */
export function awaitEnd(watched: Watched, cgroup: string | null): Awaited {
  const killsBefore = countKills(cgroup);
  const status = watched.ended.then((ended) =>
    describeEnd(ended, { oom: countKills(cgroup) > killsBefore, startedAt: awaited.startedAt }),
  );
  const awaited: Awaited = { watched, status, startedAt: performance.now() };
  return awaited;
}

/** Waits until it has ended; an abort ends the waiting alone. */
export async function waitForEnd(
  { watched, status }: Awaited,
  { signal }: Abortable = {},
): Promise<ExitStatus> {
  throwIfAborted(signal);
  const letGo = watched.hold();
  try {
    return signal === undefined ? await status : await untilAborted(status, signal);
  } finally {
    letGo();
  }
}

/** The promise, or the error of an abort that comes before it is settled. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(abortedBy(signal));
    const done = (): void => signal.removeEventListener("abort", giveUp);
    signal.addEventListener("abort", giveUp);
    promise.then(resolve, reject).finally(done);
  });
}

function describeEnd(
  { exit, at }: Ended,
  { oom, startedAt }: { readonly oom: boolean; readonly startedAt: number },
): ExitStatus {
  if (exit === null) {
    return { reason: "unknown", exitCode: null, signal: null, oom, times: null };
  }
  const { code, signaled, userMs: user, systemMs: system } = exit;
  const times = { user, system, elapsed: at - startedAt };
  return signaled
    ? { reason: "signaled", exitCode: null, signal: signalName(code), oom, times }
    : { reason: "exited", exitCode: code, signal: null, oom, times };
}

/** How often the kernel has killed for want of memory in a cgroup. */
export function countKills(cgroup: string | null): number {
  return countOf(cgroup, "memory.events", "oom_kill");
}

/** One counter of a file of counters; 0 where there is none. */
export function countOf(cgroup: string | null, file: string, counter: string): number {
  if (cgroup === null) return 0;
  const text = readCgroupFile(`${cgroup}/${file}`) ?? "";
  return Number(new RegExp(`^${counter} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}
