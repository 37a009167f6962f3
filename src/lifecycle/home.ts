import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

import { O_PATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "../linux.ts";
import { native } from "../native.ts";
import type { Process } from "../spec/types.ts";

const maxPasswdBytes = 1 << 20;

/** Below the root of an image. */
export const passwdPath = "etc/passwd";

/** The home directory of a user by the image's /etc/passwd, else "/". */
export function homeOf(rootfs: string, uid: number): string {
  return findHome(readInRoot(rootfs, passwdPath), uid) ?? "/";
}

/** HOME for a process that has none in its environment: engines always give one, and then nothing is looked up. */
export function homeFor(process: Process | undefined, rootfs: string): string | undefined {
  return needsHome(process) ? homeOf(rootfs, process?.user?.uid ?? 0) : undefined;
}

/** Whether its environment has no HOME that says something. */
export function needsHome(process: Process | undefined): boolean {
  const last = process?.env?.findLast((entry) => entry.startsWith("HOME="));
  return last === undefined || last === "HOME=";
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
  const opened: number[] = [];
  const own = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  try {
    const root = own(openSync(rootfs, constants.O_DIRECTORY));
    // Looked at before it is opened for real: the image decides what this is, and a device may act when it is opened.
    const place = own(
      native().openat2(root, path, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS),
    );
    const { size } = fstatSync(place);
    if (!fstatSync(place).isFile() || size > maxPasswdBytes) return "";
    const file = own(openSync(`/proc/self/fd/${place}`, constants.O_RDONLY));
    const bytes = Buffer.alloc(size);
    return bytes.toString("utf8", 0, readSync(file, bytes));
  } catch {
    return "";
  } finally {
    opened.forEach((fd) => closeSync(fd));
  }
}
