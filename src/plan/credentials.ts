import { TsrunError } from "../errors.ts";
import type { ProcessFacts } from "../host/facts.ts";
import type { IdMapping, Process, Spec } from "../spec/types.ts";
import { capabilityMasks } from "./capabilities.ts";
import { describe, type Warning } from "./context.ts";
import type { PlannedOp } from "./plan.ts";

export type CredentialsContext = {
  readonly process: Process;
  readonly spec: Spec;
  readonly facts: ProcessFacts;
  readonly warnings: Warning[];
  /** What goes between the dropping of the bounding set and the change of the user. */
  readonly beforeUser: readonly PlannedOp[];
  /** What goes where the user has changed while the permitted capabilities are still there. */
  readonly afterUser: readonly PlannedOp[];
};

/** From root to the process's user, groups and capabilities. */
export function planCredentials(context: CredentialsContext): PlannedOp[] {
  const { process, facts, warnings, beforeUser, afterUser } = context;
  const { uid = 0, gid = 0, umask = 0o022 } = process.user ?? {};
  checkIds(context);
  const masks = capabilityMasks(process.capabilities, facts.lastCapability, warnings);
  const { effective, permitted, inheritable } = masks;
  const origin = "/process/capabilities";
  const user = "/process/user";
  const ops = [
    ...describe(origin, "drop capabilities from the bounding set", {
      op: "cap_bounding",
      keep: masks.bounding,
    }),
    ...beforeUser,
    ...describe(origin, "keep capabilities over the change of user", { op: "keep_caps", on: 1 }),
    ...planGroups(context),
    ...describe(user, `set user ${uid} and group ${gid}`, { op: "set_user", uid, gid }),
    ...describe(user, `set umask ${umask.toString(8).padStart(4, "0")}`, {
      op: "umask",
      mask: umask,
    }),
    ...afterUser,
    ...describe(origin, "clear the keep-capabilities flag", { op: "keep_caps", on: 0 }),
    ...describe(origin, "set capabilities", { op: "capset", effective, permitted, inheritable }),
  ];
  const what = "set ambient capabilities";
  ops.push({ op: "cap_ambient", set: masks.ambient, origin, what, optional: true });
  return ops;
}

function planGroups({ process, spec, facts }: CredentialsContext): PlannedOp[] {
  const groups = process.user?.additionalGids ?? [];
  const pointer = "/process/user/additionalGids";
  if (spec.annotations?.["run.oci.keep_original_groups"] === "1") return [];
  if (facts.euid !== 0 || facts.setgroupsDenied) {
    if (groups.length === 0) return [];
    const message =
      facts.euid !== 0
        ? "cannot set any additional groups in a rootless container"
        : "unable to set additional groups: setgroups is denied in the user namespace of tsrun";
    throw new TsrunError("CONFIG_INVALID", message, { pointer });
  }
  const what =
    groups.length === 0 ? "clear additional groups" : `set additional groups ${groups.join(" ")}`;
  const bytes = new Uint8Array(Uint32Array.from(groups).buffer);
  return describe(pointer, what, { op: "set_groups", groups: bytes });
}

function checkIds({ process, spec }: CredentialsContext): void {
  const user = process.user;
  const { uidMappings, gidMappings } = spec.linux ?? {};
  if (user === undefined) return;
  const check = (
    id: number,
    maps: readonly IdMapping[] | undefined,
    kind: "uid" | "gid",
    pointer: string,
  ) => {
    if (maps === undefined || maps.length === 0 || isMapped(id, maps)) return;
    throw new TsrunError(
      "CONFIG_INVALID",
      `cannot set ${kind} to unmapped user in user namespace: ${id}`,
      {
        pointer,
        hint: `add ${id} to linux.${kind}Mappings or use an id that is mapped`,
      },
    );
  };
  check(user.uid ?? 0, uidMappings, "uid", "/process/user/uid");
  check(user.gid ?? 0, gidMappings, "gid", "/process/user/gid");
  for (const [index, gid] of (user.additionalGids ?? []).entries()) {
    check(gid, gidMappings, "gid", `/process/user/additionalGids/${index}`);
  }
}

function isMapped(id: number, maps: readonly IdMapping[]): boolean {
  return maps.some(({ containerID, size }) => id >= containerID && id < containerID + size);
}
