import { chmodSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

import { makeDirectories } from "../directories.ts";
import { TsrunError } from "../errors.ts";
import { isInitialIdMap } from "../host/id-map.ts";
import { programName } from "./program.ts";

/** What the state root depends on besides the flag. */
export type RootFacts = {
  readonly euid: number;
  readonly runtimeDirectory: string | undefined;
  readonly user: string | undefined;
  readonly inUserNamespace: () => boolean;
};

/** Where state is unless something says otherwise. */
export const defaultRoot = `/run/${programName}`;

export type StateRoot = {
  readonly path: string;
  /** Given with --root. */
  readonly explicit: boolean;
  /** Below XDG_RUNTIME_DIR. */
  readonly personal: boolean;
};

/** Where the state of containers is; the real root's never follows XDG_RUNTIME_DIR. */
export function resolveRoot(given: string | undefined, facts: RootFacts): StateRoot {
  if (given !== undefined) {
    const path = resolve(given);
    if (path === "/")
      throw new TsrunError("USAGE", "Option --root argument should not be set to /");
    return { path, explicit: true, personal: false };
  }
  if (facts.runtimeDirectory && !isRealRoot(facts)) {
    return { path: `${facts.runtimeDirectory}/${programName}`, explicit: false, personal: true };
  }
  return { path: defaultRoot, explicit: false, personal: false };
}

/** A user namespace's root is real enough only when it also is called root, as under sudo in a container. */
function isRealRoot({ euid, user, inUserNamespace }: RootFacts): boolean {
  return euid === 0 && (!inUserNamespace() || user === "root");
}

/** The state root of this process; nothing is made yet. */
export function stateRoot(given: string | undefined): StateRoot {
  return resolveRoot(given, {
    euid: process.geteuid!(),
    runtimeDirectory: process.env["XDG_RUNTIME_DIR"],
    user: process.env["USER"],
    inUserNamespace,
  });
}

/** Makes a personal state root. Its sticky bit keeps it from the clean-up of old files in XDG_RUNTIME_DIR. */
export function preparePersonalRoot({ path, personal }: StateRoot): void {
  if (!personal) return;
  makeDirectories(path, 0o700);
  chmodSync(path, 0o1700);
}

function inUserNamespace(): boolean {
  return !isInitialIdMap(readFileSync("/proc/self/uid_map", "utf8"));
}
