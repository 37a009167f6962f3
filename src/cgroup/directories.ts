import { mkdirSync, rmdirSync } from "node:fs";
import { reasonOf } from "../errno.ts";
import { TsrunError } from "../errors.ts";
import { ancestorsOf } from "./controllers.ts";
import { errnoOf, isErrno, readCgroupFile, writeCgroupFile } from "./files.ts";
import { type CgroupPlan, controllerOf } from "./plan.ts";
import { cgroupProcesses, isFrozen } from "./processes.ts";

/** Makes the cgroup and what is missing above it; returns what was made, outermost first. */
export function makeDirectories(plan: CgroupPlan): string[] {
  // Mostly only the last one is missing.
  const first = makeDirectory(plan.path);
  if (first === "made") return [plan.path];
  if (first === "exists") return [];
  const made: string[] = [];
  try {
    for (const path of [...ancestorsOf(plan).slice(1), plan.path]) {
      const outcome = makeDirectory(path);
      if (outcome === "made") made.push(path);
      if (outcome === "parent missing") {
        throw new TsrunError(
          "CGROUP",
          `unable to make cgroup ${path}: what is above it was removed meanwhile`,
          { errno: "ENOENT" },
        );
      }
    }
    return made;
  } catch (error) {
    removeMade(made);
    throw error;
  }
}

function makeDirectory(path: string): "made" | "exists" | "parent missing" {
  try {
    mkdirSync(path, 0o755);
    return "made";
  } catch (error) {
    if (isErrno(error, "EEXIST")) return "exists";
    if (isErrno(error, "ENOENT")) return "parent missing";
    throw makeFailed(path, error);
  }
}

const makeHints: Readonly<Record<string, string>> = {
  EACCES: "run as root, or below a cgroup that is delegated to you",
  EPERM: "run as root, or below a cgroup that is delegated to you",
  EROFS: "the cgroup tree is mounted read-only: mount it read-write",
  EAGAIN: "a cgroup above allows no more descendants (cgroup.max.descendants, cgroup.max.depth)",
  ENAMETOOLONG: "use a shorter cgroupsPath",
};

function makeFailed(path: string, error: unknown): TsrunError {
  const errno = errnoOf(error);
  return new TsrunError("CGROUP", `unable to make cgroup ${path}: ${reasonOf(error)}`, {
    pointer: "/linux/cgroupsPath",
    errno,
    hint: makeHints[errno],
    cause: error,
  });
}

/** Undoes makeDirectories. */
export function removeMade(made: readonly string[]): void {
  for (const path of made.toReversed()) {
    try {
      rmdirSync(path);
    } catch {
      // Someone has begun to use it; the error that led here matters more.
      return;
    }
  }
}

/** A cgroup that is there already may be used only when nothing else uses it. */
export function refuseUsed(path: string): void {
  const pids = cgroupProcesses(path);
  const pointer = "/linux/cgroupsPath";
  if (pids.length > 0) {
    throw new TsrunError(
      "CGROUP",
      `container's cgroup is not empty: ${pids.length} process(es) found`,
      {
        pointer,
        hint: `${path} holds ${pids.slice(0, 10).join(", ")}: end them, or use another cgroupsPath`,
      },
    );
  }
  if (isFrozen(path)) {
    throw new TsrunError("CGROUP", "container's cgroup unexpectedly frozen", {
      pointer,
      hint: `thaw it (echo 0 > ${path}/cgroup.freeze), or use another cgroupsPath`,
    });
  }
}

/** The controllers that work on threads; all others need a domain. */
const threadedControllers = new Set(["cpu", "cpuset", "pids", "perf_event", "cgroup"]);

/** Below a threaded cgroup a new one takes no processes until it is threaded too, where some limits do not exist. */
export function prepareType({ path, writes }: CgroupPlan): void {
  const type = readCgroupFile(`${path}/cgroup.type`)?.trim();
  if (type === undefined || type === "domain") return;
  const domain = writes.find(({ file }) => !threadedControllers.has(controllerOf(file)));
  if (domain !== undefined) {
    throw new TsrunError(
      "CGROUP",
      `cannot enter cgroupv2 ${JSON.stringify(path)} with domain controllers -- it is in ${type === "domain invalid" ? "an invalid state" : `${type} mode`}`,
      {
        pointer: domain.origin,
        hint: "its parent is threaded: use another cgroupsPath, or leave the limit out",
      },
    );
  }
  if (type === "domain invalid") writeCgroupFile(`${path}/cgroup.type`, "threaded");
}
