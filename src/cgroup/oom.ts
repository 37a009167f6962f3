import { readCgroupFile } from "./files.ts";

/** The memory of a cgroup that had not enough. */
export type MemoryShortage = {
  /** The cgroup with the lowest limit: this one, or one above it; null when none has a limit. */
  readonly limited: { readonly path: string; readonly bytes: number } | null;
  /** The most that was used; not every kernel tells. */
  readonly peak: number | undefined;
};

/** Measured by test/bench/smallest-memory.ts, see docs/memory.md. */
export const smallestLimit = 160 * 1024;

/** What there was too little of, when processes were killed for want of memory; undefined when none was. */
export function readOutOfMemory(path: string): MemoryShortage | undefined {
  return /^oom_kill [1-9]/m.test(read(`${path}/memory.events`)) ? readShortage(path) : undefined;
}

/** The limit of a cgroup and what was used. */
export function readShortage(path: string): MemoryShortage {
  const peak = read(`${path}/memory.peak`).trim();
  return { limited: findLimit(path), peak: peak === "" ? undefined : Number(peak) };
}

/** "memory.max is 262144 bytes, at most 262144 were used" */
export function describeShortage({ limited, peak }: MemoryShortage, path: string): string {
  const used = peak === undefined ? "" : `, at most ${peak} were used`;
  if (limited === null) return `the host is out of memory; no cgroup has a limit${used}`;
  const where = limited.path === path ? "memory.max" : `memory.max of ${limited.path}`;
  return `${where} is ${limited.bytes} bytes${used}`;
}

function findLimit(path: string): MemoryShortage["limited"] {
  let lowest: MemoryShortage["limited"] = null;
  for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) {
    const text = read(`${at}/memory.max`).trim();
    if (!/^\d+$/.test(text)) continue;
    if (lowest === null || Number(text) < lowest.bytes) lowest = { path: at, bytes: Number(text) };
  }
  return lowest;
}

function read(path: string): string {
  try {
    return readCgroupFile(path) ?? "";
  } catch {
    return "";
  }
}
