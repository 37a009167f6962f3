import { chownSync, closeSync, constants, openSync } from "node:fs";
import { reasonOf } from "../errno.ts";
import { TsrunError } from "../errors.ts";
import { O_PATH } from "../linux.ts";
import { native } from "../native.ts";
import { enableControllers } from "./controllers.ts";
import { makeDirectories, prepareType, refuseUsed, removeMade } from "./directories.ts";
import { errnoOf, isErrno, readCgroupFile } from "./files.ts";
import { applyWrites } from "./limits.ts";
import type { CgroupPlan } from "./plan.ts";

export { applyWrites } from "./limits.ts";
export { cgroupProcesses, isFrozen, isPopulated, killCgroup } from "./processes.ts";
export { removeCgroup } from "./removal.ts";

/** An open cgroup: `fd` is for CLONE_INTO_CGROUP and for the device program. */
export type Cgroup = { readonly fd: number; readonly path: string };

export type CreateCgroupOptions = {
  /** Leaves the device program out, for attachDevices to be called before the container's own program runs. */
  readonly deferDevices?: boolean;
};

/** Makes the container's cgroup, with its limits set. On an error nothing that it made is left behind. */
export function createCgroup(plan: CgroupPlan, options: CreateCgroupOptions = {}): Cgroup {
  const made = makeDirectories(plan);
  try {
    if (!made.includes(plan.path)) refuseUsed(plan.path);
    return furnishCgroup(plan, options);
  } catch (error) {
    removeMade(made);
    throw error;
  }
}

/** Sets the limits of a cgroup that is there, and opens it. */
export function furnishCgroup(plan: CgroupPlan, options: CreateCgroupOptions = {}): Cgroup {
  enableControllers(plan);
  prepareType(plan);
  applyWrites(plan.path, plan.writes);
  if (plan.owner !== null) delegate(plan.path, plan.owner);
  const cgroup = { fd: openSync(plan.path, O_PATH | constants.O_DIRECTORY), path: plan.path };
  if (options.deferDevices !== true) attachOrClose(cgroup, plan);
  return cgroup;
}

/** Attaches the container's device program to its cgroup, in place of an earlier one. */
export function attachDevices(
  { fd, path }: Cgroup,
  { devices, rootless }: Pick<CgroupPlan, "devices" | "rootless">,
): void {
  if (devices === null) return;
  try {
    const program = native().bpfLoadDevice(devices.program, "tsrun_devices");
    try {
      native().bpfReplaceDevice(fd, program);
    } finally {
      closeSync(program);
    }
  } catch (error) {
    // Without rights to bpf(2) there are none to make device nodes either: the kernel keeps devices away by itself.
    if (rootless && isErrno(error, "EPERM", "EACCES")) return;
    throw devicesFailed(path, error);
  }
}

function attachOrClose(cgroup: Cgroup, plan: CgroupPlan): void {
  try {
    attachDevices(cgroup, plan);
  } catch (error) {
    closeSync(cgroup.fd);
    throw error;
  }
}

/** Gives the cgroup to the container's root: its directory, and the files that the kernel names as safe to give. */
function delegate(path: string, uid: number): void {
  if (uid === process.geteuid!()) return;
  const listed =
    readCgroupFile("/sys/kernel/cgroup/delegate") ??
    "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n";
  for (const file of ["", ...listed.split("\n").filter((name) => name !== "")]) {
    try {
      chownSync(`${path}/${file}`, uid, -1);
    } catch (error) {
      // The list names files of all controllers.
      if (isErrno(error, "ENOENT")) continue;
      throw new TsrunError(
        "CGROUP",
        `unable to give ${path}/${file} to uid ${uid}: ${reasonOf(error)}`,
        {
          errno: errnoOf(error),
          cause: error,
        },
      );
    }
  }
}

function devicesFailed(path: string, error: unknown): TsrunError {
  return new TsrunError(
    "CGROUP",
    `unable to set device rules of ${path}: ${(error as Error).message}`,
    {
      pointer: "/linux/resources/devices",
      errno: errnoOf(error),
      hint: "device rules need bpf(2), CONFIG_CGROUP_BPF, and root (CAP_BPF and CAP_NET_ADMIN)",
      cause: error,
    },
  );
}
