import { closeSync } from "node:fs";

import { cgroupProcesses, killCgroup } from "../cgroup/processes.ts";
import { removeCgroup } from "../cgroup/removal.ts";
import { leaveScope } from "../cgroup/systemd/driver.ts";
import { TsrunError } from "../errors.ts";
import { POLLIN, SIGKILL } from "../linux.ts";
import { native } from "../native.ts";
import { removeGroups } from "../resctrl/group.ts";
import { isAlive } from "../state/identity.ts";
import type { ContainerCgroup, ProcessIdentity, State } from "../state/state.ts";
import { removeStateDirectory } from "../state/store.ts";
import { runPoststopHooks } from "./hooks.ts";

/** As long as runc waits for a process to end that was sent SIGKILL. */
export const endPatienceMs = 10_000;

/** What is left of a container whose init has ended. */
export type ContainerEnds = {
  readonly directory: string;
  readonly state: State;
  /** Undefined when the cgroup is not there, or not this container's. */
  readonly cgroupPath?: string;
};

/** Removes what is left of a container: processes in its cgroup, the cgroup, groups of resctrl, the state; then poststop hooks. */
export function destroyContainer(ends: ContainerEnds, warn: (message: string) => void): void {
  const { cgroup } = ends.state;
  if (cgroup !== null && ends.cgroupPath !== undefined)
    endCgroup({ ...cgroup, path: ends.cgroupPath }, warn);
  if (ends.state.resctrl !== undefined) removeGroups(ends.state.resctrl);
  removeStateDirectory(ends.directory);
  runPoststopHooks(ends.state, warn);
}

/** Ends what runs in the cgroup of a container, and removes it. */
export function endCgroup(cgroup: ContainerCgroup, warn: (message: string) => void): void {
  if (cgroupProcesses(cgroup.path).length > 0) killCgroup(cgroup.path, SIGKILL);
  // Told, not left to see it: a cgroup that goes too soon after it got empty is one systemd never hears of.
  if (cgroup.driver === "systemd") leaveScope(cgroup, warn);
  removeCgroup(cgroup.path);
}

/** Kills a process and waits until it has ended; a zombie that its parent has yet to reap has ended, and stays its parent's. */
export function endProcess(pidfd: number): void {
  try {
    native().pidfdSendSignal(pidfd, SIGKILL);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
  if (!native().poll([{ fd: pidfd, events: POLLIN }], endPatienceMs)[0]) {
    throw new TsrunError("CONTAINER_STATUS", "container init still running", {
      hint: "it does not react to SIGKILL: it hangs in the kernel (see /proc/PID/stack and /proc/PID/wchan)",
    });
  }
}

/** Kills a process and reaps it, if it is a child of this one. */
export function endChild(pidfd: number): void {
  endProcess(pidfd);
  try {
    native().waitPidfd(pidfd, true);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ECHILD") throw error; // another's child
  }
}

/** Ends the init of a container, when it has not ended yet. */
export function endInit(state: State): void {
  const pidfd = openProcess(state.init);
  if (pidfd === undefined) return;
  try {
    // A CRIU that still traces it, in the same cgroup, has to end first.
    if (state.cgroup !== null) killCgroup(state.cgroup.path, SIGKILL);
    endProcess(pidfd);
  } finally {
    closeSync(pidfd);
  }
}

/** Opens a process by its identity: the pidfd is of exactly this process, or undefined when it has ended. */
export function openProcess(identity: ProcessIdentity | null): number | undefined {
  if (identity === null) return undefined;
  let pidfd: number;
  try {
    pidfd = native().pidfdOpen(identity.pid);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ESRCH" || code === "EINVAL") return undefined;
    throw error;
  }
  // Checked with the pidfd in hand: from here on the pid cannot change its meaning.
  if (isAlive(identity)) return pidfd;
  closeSync(pidfd);
  return undefined;
}
