import { closeSync, fstatSync, openSync, statSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { native } from "../native.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;
const attemptMs = 10;

/**
 * Locks a container for a change of its state, by flock(2): the kernel gives the lock back when the
 * holder ends, however it ends. Returns a descriptor to close, or undefined when someone else held
 * the lock for `patienceMs`.
 */
export function tryLock(directory: string, patienceMs: number): number | undefined {
  const file = `${directory}/lock`;
  const fd = openSync(file, "a", 0o600);
  try {
    for (let waited = 0; !native().flock(fd, LOCK_EX | LOCK_NB); waited += attemptMs) {
      if (waited >= patienceMs) {
        closeSync(fd);
        return undefined;
      }
      native().poll([], attemptMs);
    }
    // The holder before us may have been a delete: then we hold the lock of a file without a name.
    if (statSync(file).ino !== fstatSync(fd).ino) throw vanished();
    return fd;
  } catch (error) {
    closeSync(fd);
    throw (error as NodeJS.ErrnoException).code === "ENOENT" ? vanished() : error;
  }
}

/** Locks a container or says who is in the way. */
export function lock(directory: string, id: string): number {
  let fd: number | undefined;
  try {
    fd = tryLock(directory, 10_000);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ENOENT" ? vanished() : error;
  }
  if (fd === undefined) {
    throw new TsrunError(
      "CONTAINER_STATUS",
      `container ${id} is being changed by another command`,
      {
        hint: `it holds the lock ${directory}/lock for more than 10 seconds; see "fuser ${directory}/lock"`,
      },
    );
  }
  return fd;
}

function vanished(): TsrunError {
  return new TsrunError("CONTAINER_NOT_FOUND", "container does not exist", {
    hint: "it was deleted while this command waited for it",
  });
}
