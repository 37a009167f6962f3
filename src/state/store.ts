// The state directory ROOT/ID, which whoever changes the container holds locked; see lock.ts:
//
//   state.json               what the verbs need; see state.ts
//   config.json              the configuration of the container, byte for byte as given
//   resources.json           linux.resources as updates have left them; until then config.json has them
//   verbs                    what the launcher does for state, start, kill and delete; right for this state.json only
//   exec.fifo                while it exists the container is created and not started
//   startContainer.N.plan    what init does for a startContainer hook
//   notify/                  the socket for sd_notify(3), when the caller wants such messages
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";

import { makeDirectories } from "../directories.ts";
import { TsrunError } from "../errors.ts";
import { parseJson, stringifyJson } from "../spec/json.ts";
import type { Resources } from "../spec/types.ts";
import { type State, stateVersion } from "./state.ts";

const othersWrite = 0o022;
const sticky = 0o1000;

/** Where a container of this id keeps its state. */
export function stateDirectory(root: string, id: string): string {
  return `${root}/${id}`;
}

/** Makes the state directory; of several that try with one id exactly one gets it. */
export function makeStateDirectory(root: string, id: string): string {
  const directory = stateDirectory(root, id);
  makeDirectories(root, 0o700);
  checkOwner(root);
  try {
    mkdirSync(directory, 0o711);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw alreadyExists(id, root);
    throw error;
  }
  return directory;
}

/** The error for an id that is taken; its text is one that callers look for. */
export function alreadyExists(id: string, root: string): TsrunError {
  return new TsrunError("CONTAINER_EXISTS", "container with given ID already exists", {
    hint: `see "tsrun state ${id}", or remove it with "tsrun delete --force ${id}" (state root ${root})`,
  });
}

/** Removes the state directory with all that is in it. */
export function removeStateDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

/** Replaces state.json at once: a reader sees the old or the new, never a part. */
export function writeState(directory: string, state: State): void {
  replaceFile(directory, "state", JSON.stringify(state));
}

/** Keeps the resources of a container that was updated. */
export function writeResources(directory: string, resources: Resources): void {
  replaceFile(directory, "resources", stringifyJson(resources));
}

/** The resources of a container as updates have left them; undefined when there was none. */
export function readResources(directory: string): Resources | undefined {
  const file = `${directory}/resources.json`;
  return existsSync(file) ? (parseJson(readFileSync(file, "utf8")) as Resources) : undefined;
}

function replaceFile(directory: string, name: string, text: string): void {
  const temporary = `${directory}/${name}-${process.pid}.tmp`;
  const fd = openSync(temporary, "w", 0o600);
  try {
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, `${directory}/${name}.json`);
}

/** Reads the state of a container that is there and complete; says precisely what is wrong otherwise. */
export function readState(root: string, id: string): State {
  const state = readAnyState(root, id);
  if (state.phase === "creating") {
    throw new TsrunError("CONTAINER_NOT_FOUND", "container does not exist", {
      hint: `${id} is only half made: its create still runs or was interrupted; "tsrun delete --force ${id}" clears it`,
    });
  }
  return state;
}

/** Reads the state of a container even when it is half made. */
export function readAnyState(root: string, id: string): State {
  const directory = stateDirectory(root, id);
  const file = `${directory}/state.json`;
  let text: string;
  try {
    checkOwner(root);
    checkOwner(directory);
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof TsrunError) throw error;
    throw unreadable(root, id, error as NodeJS.ErrnoException);
  }
  return parseState(text, file, id);
}

/** Whoever can put files there decides which processes are killed and which hooks run. */
function checkOwner(directory: string): void {
  const { uid, mode } = statSync(directory);
  const hint = "give --root a directory of your own that nobody else can write to";
  if (uid !== 0 && uid !== process.geteuid!()) {
    const message = `${directory} belongs to user ${uid}: what it says of containers is not to be trusted`;
    throw new TsrunError("STATE_FOREIGN", message, { hint });
  }
  if ((mode & othersWrite) !== 0 && (mode & sticky) === 0) {
    const message = `${directory} can be written to by others: what it says of containers is not to be trusted`;
    throw new TsrunError("STATE_FOREIGN", message, { hint });
  }
}

function unreadable(root: string, id: string, error: NodeJS.ErrnoException): TsrunError {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") {
    return new TsrunError("STATE", `cannot read the state of ${id}: ${error.message}`, {
      errno: error.code,
      cause: error,
    });
  }
  const directory = stateDirectory(root, id);
  const hint = existsSync(directory)
    ? `${directory} is there without a state.json: a create was interrupted; "tsrun delete --force ${id}" clears it`
    : `no container ${id} in the state root ${root}`;
  return new TsrunError("CONTAINER_NOT_FOUND", "container does not exist", { hint });
}

/** Checks what a state.json says of itself. Other programs and other versions write such files too. */
export function parseState(text: string, file: string, id: string): State {
  const hint = `"tsrun delete --force ${id}" clears what is left of it`;
  let value: Partial<State> & { version?: unknown };
  try {
    value = JSON.parse(text) as State;
  } catch (cause) {
    throw new TsrunError("STATE", `${file} is damaged: it is not JSON`, { hint, cause });
  }
  if (typeof value !== "object" || value === null) {
    throw new TsrunError("STATE", `${file} is damaged: it is no object`, { hint });
  }
  if (typeof value.version !== "number") {
    throw new TsrunError("STATE_FOREIGN", `${file} was not written by tsrun: it has no version`, {
      hint: "use the runtime that made the container, or another --root",
    });
  }
  const version: number = value.version;
  if (version !== stateVersion) {
    throw new TsrunError(
      "STATE_FOREIGN",
      `${file} has version ${version}; this tsrun reads version ${stateVersion}`,
      { hint: "use the tsrun that made the container" },
    );
  }
  if (value.id !== id || typeof value.bundle !== "string" || !("init" in value)) {
    throw new TsrunError("STATE", `${file} is damaged: it does not describe container ${id}`, {
      hint,
    });
  }
  return value as State;
}

/** The ids in a state root, in order; undefined when the root does not exist. */
export function listIds(root: string): string[] | undefined {
  try {
    return readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
