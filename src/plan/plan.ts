import type { HookName, Linux } from "../spec/types.ts";
import type { Op } from "./wire.ts";

/**
 * One effect, with where it comes from. The origin is a JSON pointer into config.json ("/mounts/3"),
 * or "" for what every container gets. `what` says it in words, for `explain` and for error messages,
 * e.g. `mount "proc" on "/proc"`.
 */
export type PlannedOp = Op & {
  readonly origin: string;
  readonly what: string;
  /** A failure is a warning (sent as message `warn`), the plan goes on. */
  readonly optional?: boolean;
};

/** A file descriptor that the runtime hands to init; index in Plan.fds = slot number. */
export type HandedFd =
  | { readonly kind: "exec-fifo" }
  /** A namespace to join: opened by the runtime, verified to be of the right type by init's setns. */
  | { readonly kind: "namespace"; readonly path: string; readonly origin: string }
  /** pidfd of the container's init, for setns of all its namespaces (exec, hooks). */
  | { readonly kind: "container-pidfd" }
  /** A user namespace with these mappings, made by the runtime for an idmapped mount. */
  | {
      readonly kind: "user-namespace";
      readonly uid: readonly IdMap[];
      readonly gid: readonly IdMap[];
      readonly origin: string;
    }
  /** The caller's descriptor 3+index (LISTEN_FDS, --preserve-fds). */
  | { readonly kind: "preserved"; readonly fd: number };

export type IdMap = {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
};

/** What the runtime itself does for the container, outside init; all values are final. */
export type HostSteps = {
  /** New user namespace: maps that the runtime writes at sync point `map`. */
  readonly idMaps?: {
    readonly uid: readonly IdMap[];
    readonly gid: readonly IdMap[];
    readonly denySetgroups: boolean;
  };
  /** Set on init by prlimit before `commit`: [RLIMIT number, soft, hard, origin]. */
  readonly rlimits: readonly {
    readonly resource: number;
    readonly name: string;
    readonly soft: bigint;
    readonly hard: bigint;
    readonly origin: string;
  }[];
  /** Moved into the network namespace at sync point `netns`. */
  readonly netDevices: readonly {
    readonly host: string;
    readonly container: string;
    readonly origin: string;
  }[];
  /** Whether the pidfd/console/listener messages are to be expected. */
  readonly console: boolean;
  readonly listener?: { readonly path: string; readonly metadata: string };
  /** Classes and groups of resctrl; `explain` tells of them. */
  readonly intelRdt?: Linux["intelRdt"];
  /** All hooks in the order of their names in the spec; `explain` tells when they run. */
  readonly hooks?: readonly {
    readonly name: HookName;
    readonly path: string;
    readonly origin: string;
  }[];
};

/** What init will do for one container or one exec, in order. Pure data: same inputs, same plan. */
export type Plan = {
  readonly kind: "create" | "exec" | "hook";
  /** CLONE_NEW* flags for the clone3 that makes init; 0 where init unshares by itself. */
  readonly cloneFlags: number;
  readonly fds: readonly HandedFd[];
  readonly ops: readonly PlannedOp[];
  readonly host: HostSteps;
  /** Things a person should know: unknown capabilities, deprecated fields ... */
  readonly warnings: readonly { readonly message: string; readonly origin: string }[];
};
