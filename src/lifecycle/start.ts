import { closeSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { O_NONBLOCK, O_WRONLY } from "../linux.ts";
import { lacksProcess } from "../spec/missing-process.ts";
import { checkContainerId } from "../state/id.ts";
import { lock } from "../state/lock.ts";
import type { State } from "../state/state.ts";
import type { Status } from "../state/status.ts";
import { readState, stateDirectory } from "../state/store.ts";
import { canStart } from "../state/transitions.ts";
import { bindNotify, waitUntilReady } from "../stdio/notify.ts";
import { endProcess, openProcess } from "./destroy.ts";
import { type ContainerHook, runContainerHooks, runHostHooks } from "./hooks.ts";
import { statusOf } from "./status.ts";

/** Lets a created container run the user's program. */
export function startContainer(options: { root: string; id: string }): void {
  checkContainerId(options.id);
  const directory = stateDirectory(options.root, options.id);
  readState(options.root, options.id); // says what is wrong before there is anything to lock
  const held = lock(directory, options.id);
  let state: State;
  let notify: number | undefined;
  try {
    state = readState(options.root, options.id);
    const status = statusOf(state, directory);
    if (!canStart(status)) throw cannotStart(status);
    notify = bindNotify(directory);
    startLocked(state, directory);
  } finally {
    closeSync(held);
  }
  runPoststartHooks(state);
  if (notify !== undefined) awaitReadiness(notify, state);
}

/** With NOTIFY_SOCKET `start` ends when the container is ready, or has ended. */
export function awaitReadiness(notify: number, state: State): void {
  const pidfd = openProcess(state.init);
  if (pidfd === undefined) return closeSync(notify);
  waitUntilReady(notify, { pid: state.init!.pid, pidfd });
  closeSync(pidfd);
}

const refusals: Readonly<Record<Exclude<Status, "created">, string>> = {
  creating: "cannot start a container that is still being created",
  running: "cannot start an already running container",
  stopped: "cannot start a container that has stopped",
  paused: "cannot start a container in the paused state",
};

function cannotStart(status: Status): TsrunError {
  const message = status === "created" ? "" : refusals[status];
  return new TsrunError("CONTAINER_STATUS", message);
}

function startLocked(state: State, directory: string): void {
  const pidfd = openProcess(state.init);
  if (pidfd === undefined) throw cannotStart("stopped");
  try {
    if (state.process === false) {
      endProcess(pidfd);
      throw lacksProcess();
    }
    runStartHooks(state, directory, pidfd);
    openGate(`${directory}/exec.fifo`);
  } finally {
    closeSync(pidfd);
  }
}

/** startContainer hooks; when one fails the container is stopped. */
function runStartHooks(state: State, directory: string, pidfd: number): void {
  const hooks = state.hooks?.startContainer ?? [];
  if (hooks.length === 0) return;
  const planned: ContainerHook[] = hooks.map((hook, index) => ({
    hook,
    plan: readFileSync(`${directory}/startContainer.${index}.plan`),
  }));
  const cgroupFd = state.cgroup === null ? -1 : openSync(state.cgroup.path, "r");
  try {
    runContainerHooks("startContainer", planned, { state, pid: state.init!.pid, pidfd, cgroupFd });
  } catch (error) {
    endProcess(pidfd);
    throw error;
  } finally {
    if (cgroupFd >= 0) closeSync(cgroupFd);
  }
}

/** The byte that init waits for. Without a reader there is no init. */
function openGate(fifo: string): void {
  let fd: number;
  try {
    fd = openSync(fifo, O_WRONLY | O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENXIO") throw cannotStart("stopped");
    throw error;
  }
  try {
    writeByte(fd);
    unlinkSync(fifo);
  } finally {
    closeSync(fd);
  }
}

/** A fifo that is full opens the gate as well: init reads what is there. */
function writeByte(fifo: number): void {
  try {
    writeSync(fifo, "\0");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
  }
}

/** poststart hooks; when one fails the container is stopped and the start has failed. */
export function runPoststartHooks(state: State): void {
  if (!state.hooks?.poststart?.length || state.init === null) return;
  try {
    runHostHooks("poststart", state.hooks.poststart, {
      state,
      status: "running",
      pid: state.init.pid,
    });
  } catch (error) {
    const pidfd = openProcess(state.init);
    if (pidfd !== undefined) {
      endProcess(pidfd);
      closeSync(pidfd);
    }
    throw error;
  }
}
