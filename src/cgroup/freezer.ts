import { closeSync, openSync, readSync } from "node:fs";
import { TsrunError } from "../errors.ts";
import { POLLPRI } from "../linux.ts";
import { native } from "../native.ts";
import { isErrno, readCgroupFile, writeCgroupFile } from "./files.ts";
import { cgroupProcesses, isFrozen } from "./processes.ts";

/** As long as runc waits. */
const patienceMs = 10_000;
/** Nothing tells when someone thaws what is not frozen yet: that is looked for from time to time. */
const lookMs = 250;

/** Stops all processes of a cgroup and below. When they do not stop in time they run on, and it is an error. */
export function freezeCgroup(path: string, options: { patienceMs?: number } = {}): void {
  const patience = options.patienceMs ?? patienceMs;
  const events = openSync(`${path}/cgroup.events`, "r");
  try {
    writeCgroupFile(`${path}/cgroup.freeze`, "1");
    const outcome = awaitFrozen(path, events, patience);
    if (outcome === "frozen") return;
    if (outcome === "thawed") throw thawedMeanwhile(path);
    const error = notInTime(path, patience);
    thawCgroup(path);
    throw error;
  } finally {
    closeSync(events);
  }
}

/** Lets the processes of a cgroup run again; one that is gone has none. */
export function thawCgroup(path: string): void {
  try {
    writeCgroupFile(`${path}/cgroup.freeze`, "0");
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENODEV")) throw error;
  }
}

function awaitFrozen(path: string, events: number, patience: number): "frozen" | "thawed" | "late" {
  const end = performance.now() + patience;
  for (;;) {
    if (/^frozen 1$/m.test(readAgain(events))) return "frozen";
    if (!isFrozen(path)) return "thawed";
    const left = end - performance.now();
    if (left <= 0) return "late";
    // The kernel wakes who has read a cgroup.events that has changed since.
    native().poll([{ fd: events, events: POLLPRI }], Math.ceil(Math.min(left, lookMs)));
  }
}

function readAgain(fd: number): string {
  const bytes = Buffer.allocUnsafe(256);
  return bytes.toString("latin1", 0, readSync(fd, bytes, 0, bytes.length, 0));
}

function thawedMeanwhile(path: string): TsrunError {
  return new TsrunError("CGROUP", `cgroup ${path} was thawed while it was being frozen`, {
    hint: "another command has resumed or killed the container",
  });
}

function notInTime(path: string, patience: number): TsrunError {
  const stuck = cgroupProcesses(path).filter(isUninterruptible);
  const who =
    stuck.length === 0
      ? ""
      : `: process(es) ${stuck.slice(0, 10).join(", ")} wait in the kernel, uninterruptible`;
  return new TsrunError(
    "CGROUP",
    `timeout of ${patience / 1000}s reached waiting for the cgroup to freeze${who}`,
    { hint: `its processes run on; see /proc/PID/stack of those in ${path}/cgroup.procs` },
  );
}

function isUninterruptible(pid: number): boolean {
  return /^State:\s*D/m.test(readCgroupFile(`/proc/${pid}/status`) ?? "");
}
