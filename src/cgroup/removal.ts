import { rmdirSync } from "node:fs";
import { reasonOf } from "../errno.ts";
import { TsrunError } from "../errors.ts";
import { errnoOf, isErrno, listChildren } from "./files.ts";
import { cgroupProcesses } from "./processes.ts";

/**
 * Removes a cgroup and the cgroups below it, deepest first. Dead processes leave a cgroup a moment after
 * they are reaped, so a busy one is tried again for about a second. Parents stay.
 */
export function removeCgroup(path: string): void {
  if (tryRemove(path)) return;
  for (const child of listChildren(path)) removeCgroup(`${path}/${child}`);
  for (let delay = 1; delay <= 512; delay *= 2) {
    if (tryRemove(path)) return;
    pause(delay);
  }
  if (!tryRemove(path)) throw stillBusy(path);
}

function tryRemove(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return true;
    if (isErrno(error, "EBUSY", "EINTR", "ENOTEMPTY")) return false;
    // A read-only tree says so before it looks: what is not there needs no removal.
    if (isErrno(error, "EROFS") && listChildren(path).length === 0) return true;
    throw new TsrunError("CGROUP", `unable to remove cgroup ${path}: ${reasonOf(error)}`, {
      errno: errnoOf(error),
      cause: error,
    });
  }
}

function stillBusy(path: string): TsrunError {
  const pids = cgroupProcesses(path);
  const who =
    pids.length === 0
      ? "something still uses it"
      : `process(es) still in it: ${pids.slice(0, 10).join(", ")}`;
  return new TsrunError(
    "CGROUP",
    `unable to remove cgroup ${path}: device or resource busy: ${who}`,
    {
      errno: "EBUSY",
      hint: "kill what is left in it (echo 1 > cgroup.kill), then delete the container again",
    },
  );
}

/** There is nothing to do but to wait, and the runtime is synchronous. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
