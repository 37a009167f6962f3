// How a container in the making gets its cgroup, by either driver.
import { createCgroup, furnishCgroup } from "../cgroup/driver.ts";
import type { CgroupPlan } from "../cgroup/plan.ts";
import { enterScope } from "../cgroup/systemd/driver.ts";
import type { ContainerCgroup } from "../state/state.ts";
import { writeState } from "../state/store.ts";
import type { Making } from "./make.ts";

/** What the state keeps of a cgroup. */
export function recordOf({ path, scope }: CgroupPlan): ContainerCgroup {
  if (scope === undefined) return { path, driver: "cgroupfs" };
  return { path, driver: "systemd", unit: scope.unit, instance: scope.instance };
}

/** Makes the cgroup for a process to be born in, unless systemd is to make it around the process. */
export function makeCgroup(making: Making): void {
  const { cgroup } = making.intent;
  if (cgroup === null || cgroup.scope !== undefined) return;
  const { fd, path } = createCgroup(cgroup);
  Object.assign(making, { cgroupFd: fd, cgroupPath: path });
}

/** Has systemd make the cgroup around a process that waits: from here on it is under all limits. */
export function enterCgroup(making: Making, pid: number): void {
  const { intent, state } = making;
  const path = enterScope(intent.cgroup!, pid);
  making.cgroupPath = path;
  if (state.cgroup !== null && path !== state.cgroup.path) {
    making.state = { ...state, cgroup: { ...state.cgroup, path } };
    writeState(intent.directory, making.state);
  }
  making.cgroupFd = furnishCgroup({ ...intent.cgroup!, path }).fd;
}
