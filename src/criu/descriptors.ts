// descriptors.json in the directory of the images: what the container's 0, 1 and 2 were, as /proc/PID/fd names
// them. Pipes lead out of the container, and are replaced by those of the restore. runc reads and writes the same.
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";

const fileName = "descriptors.json";

/** What a process has as its 0, 1 and 2. */
export function readDescriptors(pid: number): string[] {
  return [0, 1, 2].map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return ""; // closed
    }
  });
}

/** Writes them into an open directory of images. */
export function storeDescriptors(images: number, descriptors: readonly string[]): void {
  const file = `/proc/self/fd/${images}/${fileName}`;
  writeFileSync(file, JSON.stringify(descriptors), { mode: 0o600 });
}

/** Reads them from an open directory of images; `path` names it in the error. */
export function loadDescriptors(images: number, path: string): string[] {
  try {
    const value: unknown = JSON.parse(readFileSync(`/proc/self/fd/${images}/${fileName}`, "utf8"));
    if (Array.isArray(value)) return value.map(String);
    throw new TsrunError("CRIU", "it is no list");
  } catch (error) {
    throw new TsrunError("CRIU", `${path}/${fileName}: ${reasonOf(error)}`, {
      cause: error,
      hint: "--image-path names the directory that a checkpoint was written to",
    });
  }
}

/** The pipes among them: CRIU gets its own 0, 1 and 2 in their place. */
export function inheritedPipes(
  descriptors: readonly string[],
): { readonly key: string; readonly fd: number }[] {
  return descriptors.flatMap((name, fd) => (name.startsWith("pipe:") ? [{ key: name, fd }] : []));
}
