import { closeSync } from "node:fs";

import { checkContainerId } from "../state/id.ts";
import { lock } from "../state/lock.ts";
import type { State } from "../state/state.ts";
import { readState, stateDirectory } from "../state/store.ts";

/** Changes a container while no other command does. */
export function changeLocked(
  { root, id }: { readonly root: string; readonly id: string },
  change: (state: State, directory: string) => void,
): void {
  checkContainerId(id);
  const directory = stateDirectory(root, id);
  readState(root, id); // says what is wrong before there is anything to lock
  const held = lock(directory, id);
  try {
    change(readState(root, id), directory);
  } finally {
    closeSync(held);
  }
}
