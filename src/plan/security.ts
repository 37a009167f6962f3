import { TsrunError } from "../errors.ts";
import type { ProcessFacts } from "../host/facts.ts";
import type { CompiledSeccomp } from "../seccomp/compile.ts";
import type { Process } from "../spec/types.ts";
import { describe } from "./context.ts";
import type { PlannedOp } from "./plan.ts";

/** Refuses labels that the host cannot enforce: a container that runs without them would be less confined. */
export function checkLabels(process: Process, { lsm }: ProcessFacts): void {
  const selinux = "selinux label is specified in config, but selinux is disabled or not supported";
  if (process.selinuxLabel && !lsm.selinux) {
    throw new TsrunError("CONFIG_UNSUPPORTED", selinux, { pointer: "/process/selinuxLabel" });
  }
  if (process.apparmorProfile && !lsm.apparmor) {
    const message = "unable to apply apparmor profile: apparmor is not enabled on this host";
    throw new TsrunError("CONFIG_UNSUPPORTED", message, { pointer: "/process/apparmorProfile" });
  }
}

/** Labels that take effect at exec. `proc` is the slot of a private procfs. */
export function planLabels(process: Process, proc: number | null): PlannedOp[] {
  const ops: PlannedOp[] = [];
  if (proc === null) return ops;
  if (process.apparmorProfile) {
    const label = process.apparmorProfile;
    const what = `apply apparmor profile ${label}`;
    ops.push(
      ...describe("/process/apparmorProfile", what, {
        op: "lsm_exec",
        proc,
        lsm: "apparmor",
        label,
      }),
    );
  }
  if (process.selinuxLabel) {
    const label = process.selinuxLabel;
    const what = `apply selinux label ${label}`;
    ops.push(
      ...describe("/process/selinuxLabel", what, { op: "lsm_exec", proc, lsm: "selinux", label }),
    );
  }
  return ops;
}

/** Whether labels are written, for which a procfs is needed. */
export function hasLabels(process: Process): boolean {
  return Boolean(process.apparmorProfile) || Boolean(process.selinuxLabel);
}

/** The `no_new_privs` bit. */
export function planNoNewPrivileges(process: Process): PlannedOp[] {
  if (!process.noNewPrivileges) return [];
  return describe("/process/noNewPrivileges", "set no_new_privs", { op: "no_new_privs" });
}

/**
 * The seccomp filter. Without no_new_privs it needs CAP_SYS_ADMIN, so it goes in before the user
 * changes; with it as late as possible, so that the profile need not allow what init still does.
 */
export function planSeccomp(
  process: Process,
  seccomp: CompiledSeccomp | null,
  place: "privileged" | "last",
): PlannedOp[] {
  if (seccomp === null || (place === "last") !== Boolean(process.noNewPrivileges)) return [];
  const { filter, flags, notify } = seccomp;
  return describe("/linux/seccomp", "install the seccomp filter", {
    op: "seccomp",
    filter,
    flags,
    notify: notify ? 1 : 0,
  });
}
