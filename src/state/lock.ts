import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { native } from "../native.ts";

const LOCK_EX = 2;
const LOCK_NB = 4;
const attemptMs = 10;

/**
 * Locks a container for a change of its state: flock(2) of its state directory, which the kernel gives
 * back when the holder ends, however it ends. Nothing has to be made for it, so a delete that empties
 * the directory keeps the others out to the end. Returns a descriptor to close, or undefined when
 * someone else held the lock for `patienceMs`.
 */
export function tryLock(directory: string, patienceMs: number): number | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    for (let waited = 0; !native().flock(fd, LOCK_EX | LOCK_NB); waited += attemptMs) {
      if (waited >= patienceMs) {
        closeSync(fd);
        return undefined;
      }
      native().poll([], attemptMs);
    }
    // The holder before us may have been a delete: then we hold a directory without a name.
    if (statSync(directory).ino !== fstatSync(fd).ino) throw vanished();
    return fd;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw (error as NodeJS.ErrnoException).code === "ENOENT" ? vanished() : error;
  }
}

/** Locks a container or says who is in the way. */
export function lock(directory: string, id: string): number {
  const fd = tryLock(directory, 10_000);
  if (fd === undefined) {
    throw new TsrunError(
      "CONTAINER_STATUS",
      `container ${id} is being changed by another command`,
      {
        hint: `it has locked ${directory} for more than 10 seconds; see "fuser ${directory}"`,
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
