import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

import { RESOLVE_IN_ROOT } from "../linux.ts";
import { native } from "../native.ts";

const maxPasswdBytes = 1 << 20;

/** HOME for a process whose environment has none: from the image's /etc/passwd, else "/". */
export function homeOf(rootfs: string, uid: number): string {
  return findHome(readInRoot(rootfs, "etc/passwd"), uid) ?? "/";
}

/** The sixth field of the first passwd line of this uid. */
export function findHome(passwd: string, uid: number): string | undefined {
  for (const line of passwd.split("\n")) {
    const fields = line.split(":");
    if (fields[2] === String(uid) && fields[5]) return fields[5];
  }
  return undefined;
}

/** Reads a file of the image; links in it resolve within the image. "" when it is not there. */
function readInRoot(rootfs: string, path: string): string {
  let root = -1;
  let file = -1;
  try {
    root = openSync(rootfs, constants.O_DIRECTORY);
    // Not blocking: the image decides what this is, and it may be a fifo.
    file = native().openat2(root, path, constants.O_NONBLOCK, 0, RESOLVE_IN_ROOT);
    const { size } = fstatSync(file);
    if (!fstatSync(file).isFile() || size > maxPasswdBytes) return "";
    const bytes = Buffer.alloc(size);
    return bytes.toString("utf8", 0, readSync(file, bytes));
  } catch {
    return "";
  } finally {
    if (file >= 0) closeSync(file);
    if (root >= 0) closeSync(root);
  }
}
