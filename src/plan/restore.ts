import type { HostFacts } from "../host/facts.ts";
import { CLONE_NEWNS, MS_REC, MS_SLAVE } from "../linux.ts";
import type { ValidSpec } from "../spec/types.ts";
import { describe, type CreateContext } from "./context.ts";
import { planMountPoints } from "./mounts.ts";
import { chooseNamespaces } from "./namespaces.ts";
import type { HandedFd, Plan, PlannedOp } from "./plan.ts";
import { planScopeEntry } from "./scope-entry.ts";
import { emptySlots, handSlot, openSlot } from "./slots.ts";
import { noSlot } from "./wire.ts";

export type RestorePlanOptions = {
  readonly id: string;
  /** Absolute. */
  readonly bundle: string;
  readonly rootfs: string;
  /** An empty directory, where CRIU finds the rootfs as a mount of its own. */
  readonly criuRoot: string;
  /** Absolute path of CRIU, and its environment. */
  readonly criu: string;
  readonly env: readonly string[];
  /** See CreatePlanOptions. */
  readonly entersScope: boolean;
  /** Descriptors for CRIU from 3 on; the first one is its socket. */
  readonly fds: readonly HandedFd[];
};

/**
 * What becomes CRIU for a restore. CRIU wants a root that is a mount, and the places of all mounts in it; both are
 * made in a mount namespace that ends with CRIU, so there is nothing to take back on the host.
 */
export function planRestore(spec: ValidSpec, facts: HostFacts, options: RestorePlanOptions): Plan {
  const { rootfs, criuRoot, criu, env } = options;
  const slots = emptySlots();
  const kept = options.fds.map((fd) => handSlot(slots, fd));
  const root = openSlot(slots);
  const clean = openSlot(slots);
  const context: CreateContext = {
    spec,
    facts,
    options: { ...noOptions, id: options.id, bundle: options.bundle },
    namespaces: chooseNamespaces(spec.linux),
    slots,
    rootfs,
    root,
    proc: null,
    idmapSlots: new Map(),
    early: null,
    warnings: [],
  };
  const origin = "/root/path";
  const what = `mount rootfs ${rootfs}`;
  const args = ["criu", "swrk", "3"];
  const ops: PlannedOp[] = [
    ...planScopeEntry(options),
    ...describe("", 'make "/" rslave', { op: "propagate", path: "/", flags: MS_SLAVE | MS_REC }),
    ...describe(
      origin,
      what,
      { op: "open_tree", path: rootfs, recursive: 1, slot: clean },
      { op: "open_tree", path: rootfs, recursive: 1, slot: root },
      { op: "attach_root", slot: root, path: rootfs },
    ),
    ...planMountPoints(context),
    ...planPivotPlace(context),
    ...describe(
      origin,
      what,
      { op: "close", slot: root },
      { op: "attach_root", slot: clean, path: criuRoot },
      { op: "close", slot: clean },
    ),
    ...describe("", "hand descriptors to CRIU", {
      op: "keep_fds",
      slots: new Uint8Array(Uint32Array.from(kept).buffer),
    }),
    ...describe("", `find program ${criu}`, { op: "find_program", file: criu, search: null }),
    ...describe("", "report that CRIU is to be started", { op: "ready" }),
    ...describe("", `execute ${args.join(" ")}`, { op: "exec", args, env }),
  ];
  return {
    kind: "hook",
    cloneFlags: CLONE_NEWNS,
    fds: slots.handed,
    ops,
    host: { rlimits: [], netDevices: [], console: false },
    warnings: [],
  };
}

/** CRIU pivots by way of /tmp, and would make another directory where there is none. */
function planPivotPlace({ spec, slots, root }: CreateContext): PlannedOp[] {
  if (!spec.root?.readonly) return [];
  const slot = openSlot(slots);
  const mode = 0o1777;
  return describe(
    "/root/readonly",
    "make the directory /tmp, which CRIU needs in a read-only rootfs",
    { op: "target", root, path: "/tmp", like: noSlot, mode, slot },
    { op: "close", slot },
  );
}

const noOptions: Omit<CreateContext["options"], "id" | "bundle"> = {
  start: "sync",
  noPivot: false,
  noNewKeyring: true,
  preserveFds: 0,
  listenFds: 0,
  seccomp: null,
  cgroupPath: null,
};
