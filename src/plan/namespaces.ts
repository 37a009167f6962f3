import { TsrunError } from "../errors.ts";
import type { HostFacts } from "../host/facts.ts";
import { CLONE_NEWCGROUP, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER } from "../linux.ts";
import { namespaces as flagOf } from "../spec/tables.ts";
import type { Linux, NamespaceType } from "../spec/types.ts";
import { describe } from "./context.ts";
import type { HostSteps, IdMap, PlannedOp } from "./plan.ts";
import { freeSlot, handSlot, type Slots } from "./slots.ts";
import { type Op, syncPoint } from "./wire.ts";

export type JoinedNamespace = {
  readonly type: NamespaceType;
  readonly flag: number;
  readonly path: string;
  readonly origin: string;
};

export type Namespaces = {
  /** CLONE_NEW* of those that are made. */
  readonly created: number;
  readonly joined: readonly JoinedNamespace[];
  /** CLONE_NEW* of all that the container does not share with the runtime by default. */
  readonly all: number;
  /** A first stage prepares the namespaces and forks the container's process. */
  readonly staged: boolean;
};

/** Which namespaces the container gets: made, joined, or the runtime's. */
export function chooseNamespaces(linux: Linux | undefined): Namespaces {
  let created = 0;
  const joined: JoinedNamespace[] = [];
  for (const [index, { type, path }] of (linux?.namespaces ?? []).entries()) {
    const flag = flagOf[type];
    if (!path) created |= flag;
    else joined.push({ type, flag, path, origin: `/linux/namespaces/${index}` });
  }
  const joins = joined.reduce((flags, namespace) => flags | namespace.flag, 0);
  const staged =
    (created & (CLONE_NEWUSER | CLONE_NEWTIME)) !== 0 ||
    (joins & (CLONE_NEWPID | CLONE_NEWUSER)) !== 0;
  return { created, joined, all: created | joins, staged };
}

/** CLONE_NEW* of namespaces, made or joined. */
export function namespaceFlags(
  namespaces: readonly { readonly type: NamespaceType }[] | undefined,
): number {
  return (namespaces ?? []).reduce((flags, { type }) => flags | flagOf[type], 0);
}

/** The names of CLONE_NEW* flags as config.json has them. */
export function namespaceNames(flags: number): string {
  const types = Object.keys(flagOf) as NamespaceType[];
  return types.filter((type) => (flags & flagOf[type]) !== 0).join(", ");
}

/** Ops that join the namespaces given by path. Slots are handed and closed here. */
export function joinNamespaces(
  { joined }: Namespaces,
  slots: Map<string, number>,
  { euid }: HostFacts,
): PlannedOp[] {
  // A joined user namespace takes rights over the others away from root, and gives them to anybody else.
  const rank = (namespace: JoinedNamespace): number =>
    namespace.flag === CLONE_NEWUSER ? (euid === 0 ? 1 : -1) : 0;
  return joined
    .toSorted((a, b) => rank(a) - rank(b))
    .flatMap(({ type, flag, path, origin }) => {
      const slot = slots.get(origin) ?? 0;
      const what = `join ${type} namespace ${path}`;
      return describe(origin, what, { op: "setns", slot, flags: flag }, { op: "close", slot });
    });
}

/** Hands over the namespaces to be joined; by origin. */
export function handNamespaces({ joined }: Namespaces, slots: Slots): Map<string, number> {
  return new Map(
    joined.map(({ path, origin }) => [
      origin,
      handSlot(slots, { kind: "namespace", path, origin }),
    ]),
  );
}

/** Marks the slots of joined namespaces as free again; to be called where their `close` ops go. */
export function freeNamespaces(handed: ReadonlyMap<string, number>, slots: Slots): void {
  for (const slot of handed.values()) freeSlot(slots, slot);
}

/** Becomes root in a user namespace. The groups stay those of the caller where setgroups(2) is not allowed. */
export function becomeRoot({
  euid,
  setgroupsDenied,
}: Pick<HostFacts, "euid" | "setgroupsDenied">): Op {
  return { op: "become_root", clearGroups: euid === 0 && !setgroupsDenied ? 1 : 0 };
}

/** Stage 1 of a new user namespace: unshare, maps by the runtime, root in it. */
export function unshareUser({ created, joined }: Namespaces, facts: HostFacts): PlannedOp[] {
  if ((created & CLONE_NEWUSER) === 0) {
    const origin = joined.find(({ flag }) => flag === CLONE_NEWUSER)?.origin;
    if (origin === undefined) return [];
    return describe(origin, "become root in the user namespace", becomeRoot(facts));
  }
  const origin = "/linux/namespaces";
  return [
    ...describe(origin, "create user namespace", { op: "unshare", flags: CLONE_NEWUSER }),
    ...describe(
      "/linux/uidMappings",
      "write the id maps of the user namespace",
      { op: "dumpable", on: 1 },
      { op: "sync", point: syncPoint.map },
    ),
    ...describe(
      origin,
      "become root in the user namespace",
      { op: "dumpable", on: 0 },
      becomeRoot(facts),
    ),
  ];
}

/**
 * While init waits, hooks and `exec` join its namespaces, and the kernel lets a user without root's rights into those of
 * a dumpable process only. Nobody else gets in by that: another container's processes, were they of the same user
 * and in the same pid namespace, have no rights in a user namespace that was made for this one.
 */
export function planVisibility(
  { created }: Namespaces,
  { euid }: HostFacts,
  on: boolean,
): PlannedOp[] {
  if (euid === 0 || (created & CLONE_NEWUSER) === 0) return [];
  const what = on ? "let its owner join its namespaces" : "hide from the other processes again";
  return describe("/linux/namespaces", what, { op: "dumpable", on: on ? 1 : 0 });
}

/** Stage 1: the other new namespaces, the clocks of a time namespace, and the container's process. */
export function unshareOthers(namespaces: Namespaces, linux: Linux | undefined): PlannedOp[] {
  const flags = namespaces.created & ~(CLONE_NEWUSER | CLONE_NEWCGROUP);
  const ops: PlannedOp[] = [];
  if (flags !== 0) {
    const what = `create ${namespaceNames(flags)} namespaces`;
    ops.push(...describe("/linux/namespaces", what, { op: "unshare", flags }));
  }
  const offsets = Object.entries(linux?.timeOffsets ?? {});
  if (offsets.length > 0) {
    const lines = offsets.map(
      ([clock, { secs, nanosecs }]) => `${clock} ${secs ?? 0} ${nanosecs ?? 0}\n`,
    );
    const write = { op: "write_proc_self", file: "timens_offsets", text: lines.join("") } as const;
    ops.push(...describe("/linux/timeOffsets", "set the clocks of the time namespace", write));
  }
  return ops;
}

/** The id maps of a new user namespace; undefined when none is made. */
export function planIdMaps(
  linux: Linux | undefined,
  { created }: Namespaces,
  facts: HostFacts,
): HostSteps["idMaps"] {
  if ((created & CLONE_NEWUSER) === 0) return undefined;
  const uid: readonly IdMap[] = linux?.uidMappings ?? [];
  const gid: readonly IdMap[] = linux?.gidMappings ?? [];
  return { uid, gid, denySetgroups: facts.euid !== 0 && isOwnId(gid, facts.egid) };
}

/** Whether the map is what a user may write without help: one id, and that is the user's own. */
export function isOwnId(map: readonly IdMap[], id: number): boolean {
  return map.length === 1 && map[0]?.size === 1 && map[0].hostID === id;
}

/** Refuses namespace settings that contradict each other. */
export function checkNamespaces(
  linux: Linux | undefined,
  namespaces: Namespaces,
  facts: HostFacts,
): void {
  const { created, all } = namespaces;
  const mapped = (linux?.uidMappings?.length ?? 0) > 0 && (linux?.gidMappings?.length ?? 0) > 0;
  const anyMapping = (linux?.uidMappings?.length ?? 0) + (linux?.gidMappings?.length ?? 0) > 0;
  if ((created & CLONE_NEWUSER) !== 0 && !mapped) {
    const kind = linux?.uidMappings?.length ? "gid" : "uid";
    throw invalid(`user namespaces enabled, but no ${kind} mappings found`, `/linux/namespaces`);
  }
  if ((all & CLONE_NEWUSER) === 0 && anyMapping) {
    const message =
      "user namespace mappings specified, but USER namespace isn't enabled in the config";
    throw invalid(
      message,
      linux?.uidMappings?.length ? "/linux/uidMappings" : "/linux/gidMappings",
    );
  }
  if (facts.euid !== 0 && (all & CLONE_NEWUSER) === 0) {
    throw new TsrunError("CONFIG_INVALID", "rootless container requires user namespaces", {
      pointer: "/linux/namespaces",
      hint: 'add {"type": "user"} with uidMappings and gidMappings, or run tsrun as root',
    });
  }
  if (linux?.timeOffsets !== undefined && (created & CLONE_NEWTIME) === 0) {
    const message =
      (all & CLONE_NEWTIME) === 0
        ? "time namespace offsets specified, but time namespace isn't enabled in the config"
        : "time namespace offsets cannot be set for a time namespace that is joined";
    throw invalid(message, "/linux/timeOffsets");
  }
}

function invalid(message: string, pointer: string): TsrunError {
  return new TsrunError("CONFIG_INVALID", message, { pointer });
}
