import type { ContainerResctrl } from "../resctrl/plan.ts";
import type { Hook, NamespaceType } from "../spec/types.ts";

/** Grows with every change that an older tsrun could not read. */
export const stateVersion = 1;

/**
 * What state.json holds: all that state, start, kill and delete need, and no more, so that it stays
 * quick to read. The whole configuration lies beside it, as it was given, in config.json.
 */
export type State = {
  readonly version: typeof stateVersion;
  /** `creating` is written before anything exists that would have to be cleaned up; `made` before init may go past `commit`. */
  readonly phase: "creating" | "made";
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339 with up to nine digits of a second, UTC. */
  readonly created: string;
  readonly init: ProcessIdentity | null;
  readonly cgroup: ContainerCgroup | null;
  /** Its groups of resctrl, when it has any. */
  readonly resctrl?: ContainerResctrl;
  readonly rootless: boolean;
  /** The namespaces of config.json; one without a path belongs to this container alone. */
  readonly namespaces: readonly { readonly type: NamespaceType; readonly path?: string }[];
  readonly annotations?: Readonly<Record<string, string>>;
  /** Where seccomp notify descriptors go. */
  readonly listener?: { readonly path: string; readonly metadata: string };
  /** false: its processes stay in the session keyring of whoever starts them. */
  readonly keyring?: false;
  /** false: config.json has no process, and `start` refuses. */
  readonly process?: false;
  /** The hooks that are still to come after `create`. */
  readonly hooks?: LaterHooks;
};

/** With the driver that made it: callers do not repeat their choice. */
export type ContainerCgroup =
  | { readonly path: string; readonly driver: "cgroupfs" }
  | {
      readonly path: string;
      readonly driver: "systemd";
      readonly unit: string;
      readonly instance: "system" | "user";
    };

export type LaterHooks = {
  readonly startContainer?: readonly Hook[];
  readonly poststart?: readonly Hook[];
  readonly poststop?: readonly Hook[];
};

/** A pid alone may be reused; with its start time (clock ticks since boot) it names one process. */
export type ProcessIdentity = { readonly pid: number; readonly startTime: number };

/** Whether the container has a pid namespace of its own, so that the end of init ends all its processes. */
export function hasOwnPidNamespace(state: State): boolean {
  return state.namespaces.some(({ type, path }) => type === "pid" && !path);
}
