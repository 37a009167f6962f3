import { closeSync, existsSync } from "node:fs";

import { killCgroup } from "../cgroup/processes.ts";
import { TsrunError } from "../errors.ts";
import { checkContainerId } from "../state/id.ts";
import { lock, tryLock } from "../state/lock.ts";
import type { State } from "../state/state.ts";
import type { Status } from "../state/status.ts";
import { readAnyState, removeStateDirectory, stateDirectory } from "../state/store.ts";
import { canDelete } from "../state/transitions.ts";
import { destroyContainer, endCgroup, endInit } from "./destroy.ts";
import { salvageCgroup } from "./salvage.ts";
import { statusOf } from "./status.ts";

export type DeleteOptions = {
  readonly root: string;
  readonly id: string;
  readonly force: boolean;
  readonly warn?: (message: string) => void;
};

/** Removes a container that has ended; with `force` one in any state, and one that is not there. */
export function deleteContainer(options: DeleteOptions): void {
  checkContainerId(options.id);
  const directory = stateDirectory(options.root, options.id);
  const found = find(options);
  if (found.kind === "gone") {
    if (options.force) return;
    throw found.error;
  }
  let held: number;
  try {
    if (options.force && found.kind === "state") interrupt(found.state, directory);
    held = lock(directory, options.id);
  } catch (error) {
    if (options.force && error instanceof TsrunError && error.code === "CONTAINER_NOT_FOUND")
      return;
    throw error;
  }
  try {
    removeLocked(options, directory);
  } finally {
    closeSync(held);
  }
}

type Found =
  | { readonly kind: "state"; readonly state: State }
  /** A directory without a state that can be read. */
  | { readonly kind: "remains"; readonly error: TsrunError }
  | { readonly kind: "gone"; readonly error: TsrunError };

function find(options: DeleteOptions): Found {
  try {
    return { kind: "state", state: readAnyState(options.root, options.id) };
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
    const there = existsSync(stateDirectory(options.root, options.id));
    return { kind: there ? "remains" : "gone", error };
  }
}

/** A create that still runs holds the lock: the end of its init makes it give up and clean up after itself. */
function interrupt(state: State, directory: string): void {
  if (state.phase !== "creating") return;
  const free = tryLock(directory, 0);
  if (free !== undefined) closeSync(free);
  else if (state.cgroup !== null) killCgroup(state.cgroup.path, 9);
}

function removeLocked(options: DeleteOptions, directory: string): void {
  const warn = options.warn ?? ((): void => {});
  const found = find(options);
  if (found.kind === "gone") {
    if (options.force) return;
    throw found.error;
  }
  if (found.kind === "remains") {
    removeRemains(found.error, { ...options, warn }, directory);
    return;
  }
  const { state } = found;
  const status = statusOf(state, directory);
  if (!options.force && !canDelete(status) && status !== "creating")
    throw notStopped(options.id, status);
  endInit(state);
  const cgroupPath = state.cgroup?.path;
  destroyContainer({ directory, state, cgroupPath }, warn);
}

/** A state that was never written, or one that is damaged. What another runtime or version wrote is theirs to remove. */
function removeRemains(
  error: TsrunError,
  { id, force, warn }: Required<DeleteOptions>,
  directory: string,
): void {
  const neverWritten = error.code === "CONTAINER_NOT_FOUND";
  const damaged = error.code === "STATE";
  if (damaged && force) removeSalvaged(directory, id, warn);
  // As runc: what has no state is removed, and without --force it is an error all the same.
  if (neverWritten || (damaged && force)) removeStateDirectory(directory);
  if (!force || !(neverWritten || damaged)) throw error;
}

/** Ends what runs in the cgroup that a container with a damaged state was made with. */
function removeSalvaged(directory: string, id: string, warn: (message: string) => void): void {
  const cgroup = salvageCgroup(directory, id);
  if (cgroup !== undefined) endCgroup(cgroup, warn);
}

function notStopped(id: string, status: Status): TsrunError {
  return new TsrunError(
    "CONTAINER_STATUS",
    `cannot delete container ${id} that is not stopped: ${status}`,
    {
      hint: `end it with "tsrun kill ${id} KILL", or remove it as it is with "tsrun delete --force ${id}"`,
    },
  );
}
