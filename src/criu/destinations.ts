import { closeSync, constants, openSync, readlinkSync } from "node:fs";
import { posix } from "node:path";

import { O_PATH, RESOLVE_IN_ROOT } from "../linux.ts";
import { native } from "../native.ts";

/**
 * Where in a rootfs a destination really is: symbolic links on the way are followed as the container would,
 * whatever is missing is taken as it is. Only a name comes of it; nothing is opened by that name here.
 */
export function placesIn(rootfs: string, destinations: readonly string[]): string[] {
  const root = openSync(rootfs, O_PATH | constants.O_DIRECTORY);
  try {
    const base = readlinkSync(`/proc/self/fd/${root}`);
    return destinations.map((destination) => placeIn({ root, base }, destination));
  } finally {
    closeSync(root);
  }
}

function placeIn({ root, base }: { root: number; base: string }, destination: string): string {
  for (let there = destination, missing = ""; ;) {
    const found = lookUp(root, there);
    if (found !== undefined) return posix.join("/", posix.relative(base, found), missing);
    if (there === "/") return destination;
    missing = posix.join(posix.basename(there), missing);
    there = posix.dirname(there);
  }
}

function lookUp(root: number, path: string): string | undefined {
  let fd = -1;
  try {
    fd = native().openat2(root, path, O_PATH, 0, RESOLVE_IN_ROOT);
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return undefined;
    throw error;
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}
