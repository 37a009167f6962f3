import { closeSync, openSync } from "node:fs";

import { isErrno, readAgain, readCgroupFile } from "../cgroup/files.ts";
import { readStats, type Stats } from "../cgroup/stats.ts";
import { TsrunError } from "../errors.ts";
import { POLLPRI } from "../linux.ts";
import { native } from "../native.ts";
import { checkContainerId } from "../state/id.ts";
import { readState, stateDirectory } from "../state/store.ts";
import { cgroupOf } from "./cgroup.ts";
import { statusOf } from "./status.ts";

export type ContainerEvent =
  | { readonly type: "stats"; readonly id: string; readonly data: Stats }
  /** The kernel has killed a process of the container for want of memory. */
  | { readonly type: "oom"; readonly id: string };

type Named = { readonly root: string; readonly id: string };

export type WatchOptions = Named & {
  readonly intervalMs: number;
  readonly emit: (event: ContainerEvent) => void;
  /** The descriptor that events go to: when nobody reads it any more, the watch ends. */
  readonly reader?: number;
  readonly warn: (message: string) => void;
};

/** The figures of a container now. */
export function statsOfContainer(named: Named): ContainerEvent {
  return { type: "stats", id: named.id, data: readStats(runningCgroup(named)) };
}

/** Tells of a container's figures at each interval, and of its being out of memory, until it has no process any more. */
export function watchContainer(options: WatchOptions): void {
  const path = runningCgroup(options);
  const opened: number[] = [];
  const open = (file: string): number => {
    const fd = openOptional(`${path}/${file}`);
    if (fd !== undefined) opened.push(fd);
    return fd ?? -1;
  };
  try {
    const [state, memory] = [open("cgroup.events"), open("memory.events")];
    if (state === -1) return; // gone meanwhile
    if (memory === -1) {
      options.warn(`oom events cannot be told: ${path} has no memory controller`);
    }
    watch(options, { path, state, memory });
  } finally {
    opened.forEach((fd) => closeSync(fd));
  }
}

function runningCgroup({ root, id }: Named): string {
  checkContainerId(id);
  const state = readState(root, id);
  if (statusOf(state, stateDirectory(root, id)) === "stopped") {
    throw new TsrunError("CONTAINER_STATUS", `container with id ${id} is not running`);
  }
  return cgroupOf(state, "read the figures of").path;
}

type Watched = { readonly path: string; readonly state: number; readonly memory: number };

function watch(options: WatchOptions, { path, state, memory }: Watched): void {
  const { id, intervalMs, emit, reader = -1 } = options;
  let kills = countKills(memory);
  let next = performance.now() + intervalMs;
  for (;;) {
    // In this order: of the last process that is killed, the kill is seen before its end.
    const populated = /^populated 1$/m.test(readAgain(state));
    const before = kills;
    kills = countKills(memory);
    if (kills > before) emit({ type: "oom", id });
    if (!populated) return;
    if (performance.now() >= next) {
      const data = statsUnlessGone(path);
      if (data === undefined) return;
      emit({ type: "stats", id, data });
      next = Math.max(next + intervalMs, performance.now());
    }
    // The kernel wakes who has read one of these files that has changed since.
    const [, , closed] = native().poll(
      [
        { fd: state, events: POLLPRI },
        { fd: memory, events: POLLPRI },
        { fd: reader, events: 0 },
      ],
      Math.max(0, Math.ceil(next - performance.now())),
    );
    if (closed) return;
  }
}

function statsUnlessGone(path: string): Stats | undefined {
  return readCgroupFile(`${path}/cgroup.events`) === undefined ? undefined : readStats(path);
}

function countKills(fd: number): number {
  return fd === -1 ? 0 : Number(/^oom_kill (\d+)$/m.exec(readAgain(fd))?.[1] ?? 0);
}

function openOptional(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENODEV", "EOPNOTSUPP", "ENOTSUP")) return undefined;
    throw error;
  }
}
