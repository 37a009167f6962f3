import { closeSync } from "node:fs";

import { thawCgroup } from "../cgroup/freezer.ts";
import { cgroupProcesses, isFrozen, killCgroup } from "../cgroup/processes.ts";
import { TsrunError } from "../errors.ts";
import { SIGKILL } from "../linux.ts";
import { native } from "../native.ts";
import { signalNumber } from "../spec/tables.ts";
import { checkContainerId } from "../state/id.ts";
import { hasOwnPidNamespace, type State } from "../state/state.ts";
import { readState } from "../state/store.ts";
import { openProcess } from "./destroy.ts";

export type KillOptions = {
  readonly root: string;
  readonly id: string;
  /** A number, or a name in any case with or without SIG. */
  readonly signal: string | number;
  /** All processes of the container, not only init. */
  readonly all: boolean;
};

const highestSignal = 64;

/** Sends a signal to a container's init, or to all its processes. */
export function killContainer(options: KillOptions): void {
  checkContainerId(options.id);
  const state = readState(options.root, options.id);
  const signal = parseSignal(options.signal);
  // Without a pid namespace of its own, init's end would leave the other processes running.
  const wantsAll = options.all || (signal === SIGKILL && !hasOwnPidNamespace(state));
  if (wantsAll && state.cgroup !== null && cgroupProcesses(state.cgroup.path).length > 0) {
    killCgroup(state.cgroup.path, signal);
  } else {
    killInit(state, signal, options.all);
  }
  // SIGKILL reaches frozen processes too; but a cgroup that stays frozen would show the dead as paused.
  if (signal === SIGKILL && state.cgroup !== null && isFrozen(state.cgroup.path)) {
    thawCgroup(state.cgroup.path);
  }
}

function killInit(state: State, signal: number, all: boolean): void {
  const pidfd = openProcess(state.init);
  if (pidfd === undefined) {
    if (all) return; // callers send --all to be sure, also when all is over
    throw new TsrunError("CONTAINER_STATUS", notRunning(state, signal));
  }
  try {
    native().pidfdSendSignal(pidfd, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    throw new TsrunError("CONTAINER_STATUS", "container not running: os: process already finished");
  } finally {
    closeSync(pidfd);
  }
}

function notRunning(state: State, signal: number): string {
  return signal === SIGKILL && !hasOwnPidNamespace(state)
    ? "unable to kill all processes: container not running"
    : "container not running";
}

/** The number of a signal as callers write it: 9, "9", KILL, SIGKILL, sigkill, RTMIN+3. 0 only asks whether there is someone. */
export function parseSignal(signal: string | number): number {
  const text = String(signal);
  if (/^-?\d+$/.test(text)) {
    const number = Number(text);
    if (number >= 0 && number <= highestSignal) return number;
    throw unknownSignal(text);
  }
  const number = signalNumber(text);
  if (number === undefined) throw unknownSignal(text);
  return number;
}

function unknownSignal(text: string): TsrunError {
  return new TsrunError("SIGNAL", `unknown signal ${JSON.stringify(text)}`, {
    hint: "a signal is a number from 0 to 64 or a name such as TERM, SIGTERM or RTMIN+1",
  });
}
