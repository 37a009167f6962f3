// Processes that end: each pidfd is watched on the event loop, and a child of this process is reaped as soon as it has
// ended, whether somebody waits for it or not.
import { closeSync } from "node:fs";

import { POLLIN } from "../linux.ts";
import { native, type TimedExit } from "../native.ts";

/** How a process ended. "unknown": it was not a child of this process, so nobody tells. */
export type Ended = { readonly exit: TimedExit | null; readonly at: number };

/** A process that is watched until it has ended. */
export type Watched = {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Whether it has ended and was reaped. */
  readonly over: () => boolean;
  /** Sends a signal; false when it has ended. */
  readonly send: (signal: number) => boolean;
  /** The process of Node goes on until this one ends, as often as it was called; returns how to take that back. */
  readonly hold: () => () => void;
};

/** By pid, which stays taken until the process is reaped. */
const children = new Map<number, Watched>();

/** Watches a process until it ends; the pidfd is closed then. */
export function watchProcess(pid: number, pidfd: number): Watched {
  const known = children.get(pid);
  if (known !== undefined) {
    closeSync(pidfd);
    return known;
  }
  const { promise: ended, resolve } = Promise.withResolvers<Ended>();
  let holds = 0;
  let over = false;
  native().watch(pidfd, POLLIN, () => {
    const exit = reap(pidfd);
    native().endWatch(pidfd);
    closeSync(pidfd);
    children.delete(pid);
    over = true;
    resolve({ exit, at: performance.now() });
  });
  native().holdLoop(pidfd, false);
  const change = (by: number): void => {
    holds += by;
    if (!over) native().holdLoop(pidfd, holds > 0);
  };
  const watched: Watched = {
    pid,
    ended,
    over: () => over,
    send: (signal) => !over && sendSignal(pidfd, signal),
    hold: () => {
      change(1);
      let held = true;
      return () => {
        if (held) change(-1);
        held = false;
      };
    },
  };
  children.set(pid, watched);
  return watched;
}

/** Null: not a child of this process. */
function reap(pidfd: number): TimedExit | null {
  try {
    return native().waitPidfd(pidfd, true);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ECHILD") return null;
    throw error;
  }
}

function sendSignal(pidfd: number, signal: number): boolean {
  try {
    native().pidfdSendSignal(pidfd, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
