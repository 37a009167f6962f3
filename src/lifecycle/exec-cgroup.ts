// The cgroup that a process is put into when it joins a container.
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { posix } from "node:path";

import { errnoOf, isErrno } from "../cgroup/files.ts";
import { cgroupOfProcess } from "../cgroup/layout.ts";
import { attachProcess, type Scope } from "../cgroup/systemd/driver.ts";
import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import { O_PATH, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } from "../linux.ts";
import { native } from "../native.ts";
import type { State } from "../state/state.ts";

export type ExecCgroup = {
  /** -1: the container has none, and the process stays where tsrun is. */
  readonly fd: number;
  readonly path: string;
  /** Where init is, to go there when the container's own cgroup takes no processes any more. */
  readonly fallback?: number;
  readonly rootless: boolean;
  /** The unit that the cgroup belongs to, and the path below it. */
  readonly scope?: Scope & { readonly below: string };
  /** The user may not put the process there: someone else has to, before it runs. */
  stayedOut?: boolean;
  readonly warn: (message: string) => void;
};

const strictlyBelow = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;

export type CgroupChoice = {
  readonly state: State;
  /** The words of --cgroup. */
  readonly wanted: readonly string[];
  readonly warn: (message: string) => void;
};

/** Opens the container's cgroup, or the one below it that was asked for. */
export function openExecCgroup({ state, wanted, warn }: CgroupChoice): ExecCgroup {
  const below = parseCgroupFlags(wanted);
  const { rootless } = state;
  if (state.cgroup === null) {
    if (below === undefined) return { fd: -1, path: "", rootless, warn };
    throw new TsrunError("CGROUP", "cgroups not configured for container", {
      hint: "--cgroup needs a container with a cgroup of its own",
    });
  }
  const { path } = state.cgroup;
  const fd = openPath(path);
  const scope =
    state.cgroup.driver === "systemd" ? { ...state.cgroup, below: below ?? "" } : undefined;
  const common = { rootless, scope, warn };
  if (below === undefined) return { fd, path, fallback: state.init?.pid, ...common };
  try {
    return { fd: openBelow({ fd, path }, below), path: posix.join(path, below), ...common };
  } finally {
    closeSync(fd);
  }
}

/** The path of --cgroup. Those with a controller are for cgroup v1, where each controller has a tree of its own. */
export function parseCgroupFlags(wanted: readonly string[]): string | undefined {
  const [only] = wanted;
  if (only === undefined || (wanted.length === 1 && !only.includes(":"))) return only;
  const [first] = wanted.flatMap(controllersOf);
  throw invalid(`unknown controller ${first} in SubCgroupPaths`);
}

function controllersOf(word: string): string[] {
  const end = word.indexOf(":");
  if (end < 0) throw invalid(`invalid --cgroup argument: ${word} (missing <controller>: prefix)`);
  const controllers = word.slice(0, end).split(",");
  if (!controllers.includes("")) return controllers;
  throw invalid(`invalid --cgroup argument: ${word} (empty <controller> prefix)`);
}

function invalid(message: string): TsrunError {
  return new TsrunError("USAGE", message, {
    hint: "on cgroup v2 there is one --cgroup, a path below the container's cgroup",
  });
}

function openPath(path: string): number {
  try {
    return openSync(path, O_PATH | constants.O_DIRECTORY);
  } catch (error) {
    throw cannotAdd(path, error);
  }
}

function openBelow(cgroup: { fd: number; path: string }, below: string): number {
  const path = posix.join(cgroup.path, below);
  const relative = posix.relative(cgroup.path, path);
  if (relative === ".." || relative.startsWith("../")) {
    throw new TsrunError("USAGE", `bad sub cgroup path: ${below} is not a sub cgroup path`, {
      hint: `it must lead to a cgroup below ${cgroup.path}`,
    });
  }
  try {
    const flags = O_PATH | constants.O_DIRECTORY;
    return native().openat2(cgroup.fd, relative || ".", flags, 0, strictlyBelow);
  } catch (error) {
    throw cannotAdd(path, error);
  }
}

/**
 * Does something with a process and its cgroup: makes it there, or moves it there. Where the kernel does not
 * let the process in because the container has cgroups of its own below ("no internal processes"), init is
 * in one of those, and this process goes there too.
 */
export function withCgroup<T>(cgroup: ExecCgroup, use: (fd: number) => T): T {
  try {
    return use(cgroup.fd);
  } catch (error) {
    if (!isCgroupError(error)) throw error;
    if (isErrno(error, "EBUSY") && cgroup.fallback !== undefined) {
      return withInitsCgroup(cgroup, cgroup.fallback, use);
    }
    if (isErrno(error, "EACCES", "EPERM") && cgroup.rootless) {
      cgroup.stayedOut = true;
      return use(-1);
    }
    throw cannotAdd(cgroup.path, error);
  }
}

/** Has systemd bring a process into the container's scope that the user may not put there. */
export function settleCgroup(cgroup: ExecCgroup, pid: number): void {
  if (cgroup.stayedOut !== true) return;
  let reason = "permission denied";
  try {
    if (cgroup.scope !== undefined) return attachProcess(cgroup.scope, cgroup.scope.below, pid);
  } catch (error) {
    reason = (error as Error).message;
  }
  cgroup.warn(`the process is not in the container's cgroup ${cgroup.path}: ${reason}`);
}

/** Whether it is about the cgroup: clone3 says nothing else in these words. */
function isCgroupError(error: unknown): boolean {
  const { syscall } = error as { syscall?: string };
  return (
    (syscall === "clone3" || syscall === "write") &&
    isErrno(error, "EBUSY", "EACCES", "EPERM", "ENODEV", "EOPNOTSUPP")
  );
}

function withInitsCgroup<T>(cgroup: ExecCgroup, init: number, use: (fd: number) => T): T {
  const path = initsCgroup(cgroup.path, init);
  const fd = openPath(path);
  try {
    return use(fd);
  } catch (error) {
    throw isCgroupError(error) ? cannotAdd(path, error) : error;
  } finally {
    closeSync(fd);
  }
}

/** Never one outside of the container's, wherever init may have gone. */
function initsCgroup(own: string, init: number): string {
  const path = cgroupOfProcess(init);
  return path.startsWith(`${own}/`) && posix.normalize(path) === path ? path : own;
}

/** Moves a process into an open cgroup. */
export function moveInto(fd: number, pid: number): void {
  if (fd < 0) return;
  const procs = native().openat2(fd, "cgroup.procs", constants.O_WRONLY, 0, strictlyBelow);
  try {
    writeSync(procs, String(pid));
  } finally {
    closeSync(procs);
  }
}

function cannotAdd(path: string, error: unknown): TsrunError {
  return new TsrunError(
    "CGROUP",
    // 0: as in cgroup.procs, the process that is to be there.
    `unable to start container process: error adding pid 0 to cgroups: ${path}: ${reasonOf(error)}`,
    { errno: errnoOf(error), cause: error },
  );
}
