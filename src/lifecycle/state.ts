import type { State } from "../state/state.ts";
import type { Status } from "../state/status.ts";
import { readState, stateDirectory } from "../state/store.ts";
import { checkContainerId } from "../state/id.ts";
import { specVersion } from "../version.ts";
import { statusOf } from "./status.ts";

/** What `state` and `list` show of a container; keys in runc's order. */
export type ContainerView = {
  readonly ociVersion: string;
  readonly id: string;
  /** 0 when the container is stopped. */
  readonly pid: number;
  readonly status: Status;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly owner: string;
};

/** Reads one container. */
export function readContainer(options: { root: string; id: string }): ContainerView {
  checkContainerId(options.id);
  const state = readState(options.root, options.id);
  return viewOf(state, stateDirectory(options.root, options.id), "");
}

/** A container as it is now. */
export function viewOf(state: State, directory: string, owner: string): ContainerView {
  return viewIn(statusOf(state, directory), state, owner);
}

/** A container as it looks in a status. */
export function viewIn(status: Status, state: State, owner: string): ContainerView {
  const annotated = state.annotations && Object.keys(state.annotations).length > 0;
  return {
    ociVersion: specVersion,
    id: state.id,
    pid: status === "stopped" ? 0 : (state.init?.pid ?? 0),
    status,
    bundle: state.bundle,
    rootfs: state.rootfs,
    created: state.created,
    ...(annotated ? { annotations: state.annotations } : {}),
    owner,
  };
}

/** What `state` prints; runc ends it without a newline. */
export function formatView(view: ContainerView): string {
  return JSON.stringify(view, null, 2);
}
