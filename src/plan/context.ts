import type { HostFacts } from "../host/facts.ts";
import type { CompiledSeccomp } from "../seccomp/compile.ts";
import type { ValidSpec } from "../spec/types.ts";
import type { Namespaces } from "./namespaces.ts";
import type { PlannedOp } from "./plan.ts";
import type { Slots } from "./slots.ts";
import type { Op } from "./wire.ts";

export type CreatePlanOptions = {
  readonly id: string;
  /** Absolute. */
  readonly bundle: string;
  /** fifo: init waits on the exec fifo; sync: at sync point `start` (foreground run). */
  readonly start: "fifo" | "sync";
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  /** How many descriptors from 3 on (after those of `listenFds`) go to the process. */
  readonly preserveFds: number;
  readonly listenFds: number;
  readonly seccomp: CompiledSeccomp | null;
  /** Absolute directory of the container's cgroup, for cgroup mounts that cannot be new ones. */
  readonly cgroupPath: string | null;
  /** systemd gives the container its cgroup, and wants a process for it: init waits at sync point `cgroup` first. */
  readonly entersScope?: boolean;
  /** Directory of the host with notify.sock, bound on /run/notify. */
  readonly notifySocket?: string;
  /** Home directory of the user in the container's /etc/passwd; used when the environment has none. */
  readonly home?: string;
};

export type Warning = { readonly message: string; readonly origin: string };

/** What the parts of a create plan share while it is being made. */
export type CreateContext = {
  readonly spec: ValidSpec;
  readonly facts: HostFacts;
  readonly options: CreatePlanOptions;
  readonly namespaces: Namespaces;
  readonly slots: Slots;
  /** Absolute path of the rootfs, and its slot. */
  readonly rootfs: string;
  readonly root: number;
  /** Slot of a private procfs for writes that a mount in the container must not divert. */
  readonly proc: number | null;
  /** By JSON pointer of the mount: the slot of the user namespace that maps its ids. */
  readonly idmapSlots: ReadonlyMap<string, number>;
  /**
   * Ops of stage 1 that open what the root of the container's user namespace could not reach; null
   * where sources are opened as they are needed.
   */
  readonly early: PlannedOp[] | null;
  readonly warnings: Warning[];
};

/** Gives ops their origin and their description. */
export function describe(origin: string, what: string, ...ops: readonly Op[]): PlannedOp[] {
  return ops.map((op) => ({ ...op, origin, what }));
}
