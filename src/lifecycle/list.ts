import { readFileSync, statSync } from "node:fs";

import { listIds, readState, stateDirectory } from "../state/store.ts";
import { type ContainerView, viewOf } from "./state.ts";

export type Listing = {
  readonly containers: readonly ContainerView[];
  /** One line for each entry that could not be read; the others are listed all the same. */
  readonly problems: readonly string[];
  /** Whether the state root exists. */
  readonly rootExists: boolean;
};

/** Reads all containers of a state root. */
export function listContainers(root: string): Listing {
  const ids = listIds(root);
  const containers: ContainerView[] = [];
  const problems: string[] = [];
  const names = ownerNames();
  for (const id of ids ?? []) {
    try {
      const directory = stateDirectory(root, id);
      const { uid } = statSync(directory);
      containers.push(viewOf(readState(root, id), directory, names(uid)));
    } catch (error) {
      // Gone since it was listed: then there is nothing to say.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
      problems.push(`load container ${id}: ${(error as Error).message}`);
    }
  }
  return { containers, problems, rootExists: ids !== undefined };
}

/** Names of user ids, from /etc/passwd; "#uid" for one without a name. */
function ownerNames(): (uid: number) => string {
  let passwd: Map<number, string> | undefined;
  return (uid) => {
    passwd ??= readPasswd();
    return passwd.get(uid) ?? `#${uid}`;
  };
}

function readPasswd(): Map<number, string> {
  const names = new Map<number, string>();
  let text = "";
  try {
    text = readFileSync("/etc/passwd", "utf8");
  } catch {
    return names; // a host without users
  }
  for (const line of text.split("\n")) {
    const [name, , uid] = line.split(":");
    if (name && uid && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}
