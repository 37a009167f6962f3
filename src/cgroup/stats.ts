// Statistics of one cgroup v2 directory, in the shape of runc's `events --stats`. Zero values are left
// out where runc leaves them out, and 64-bit values stay exact (bigint beyond 2^53).
import { readdirSync, readFileSync } from "node:fs";

import type { Int } from "../spec/types.ts";

export type PressureLine = { avg10: number; avg60: number; avg300: number; total: Int };
export type Pressure = { some: PressureLine; full: PressureLine };
export type MemoryEntry = { limit: Int; usage?: Int; max?: Int; failcnt: Int };
export type BlockEntry = { major?: Int; minor?: Int; op?: string; value?: Int };

export type Stats = {
  cpu: {
    usage: { total?: Int; kernel: Int; user: Int };
    throttling: { periods?: Int; throttledPeriods?: Int; throttledTime?: Int };
    psi?: Pressure;
  };
  cpuset: {
    cpus?: number[];
    cpu_exclusive: 0;
    mems?: number[];
    mem_hardwall: 0;
    mem_exclusive: 0;
    memory_migrate: 0;
    memory_spread_page: 0;
    memory_spread_slab: 0;
    memory_pressure: 0;
    sched_load_balance: 0;
    sched_relax_domain_level: 0;
  };
  memory: {
    cache?: Int;
    usage: MemoryEntry;
    swap: MemoryEntry;
    kernel: MemoryEntry;
    kernelTCP: MemoryEntry;
    raw?: Record<string, Int>;
    psi?: Pressure;
  };
  pids: { current?: Int; limit?: Int };
  blkio: {
    ioServiceBytesRecursive?: BlockEntry[];
    ioServicedRecursive?: BlockEntry[];
    psi?: Pressure;
  };
  hugetlb: Record<string, { usage?: Int; max?: Int; failcnt: Int }>;
  intel_rdt: Record<string, never>;
  network_interfaces: null;
};

/** Reads a file of the cgroup; null when the cgroup does not have it. */
export type ReadFile = (name: string) => string | null;

/** What v2 calls "max", as runc prints it. */
const unlimited = 2n ** 64n - 1n;

/** Statistics of the cgroup at `path`; files of controllers that are not enabled count as absent. */
export function readStats(path: string): Stats {
  const read: ReadFile = (name) => {
    try {
      return readFileSync(`${path}/${name}`, "utf8");
    } catch {
      // ENOENT: controller not enabled. EOPNOTSUPP: pressure switched off, threaded cgroup.
      return null;
    }
  };
  return statsFrom(read, readdirSync(path));
}

/** Statistics from the files of a cgroup; `names` lists them. */
export function statsFrom(read: ReadFile, names: readonly string[]): Stats {
  return {
    cpu: cpuStats(read),
    cpuset: cpusetStats(read),
    memory: memoryStats(read),
    pids: pidsStats(read),
    blkio: blockStats(read),
    hugetlb: hugetlbStats(read, names),
    intel_rdt: {},
    network_interfaces: null,
  };
}

function cpuStats(read: ReadFile): Stats["cpu"] {
  const stat = keyed(read("cpu.stat"));
  const nanoseconds = (key: string): Int => times(stat[key] ?? 0, 1000);
  return prune({
    usage: prune({
      total: nonZero(nanoseconds("usage_usec")),
      kernel: nanoseconds("system_usec"),
      user: nanoseconds("user_usec"),
    }),
    throttling: prune({
      periods: nonZero(stat["nr_periods"] ?? 0),
      throttledPeriods: nonZero(stat["nr_throttled"] ?? 0),
      throttledTime: nonZero(nanoseconds("throttled_usec")),
    }),
    psi: pressure(read("cpu.pressure")),
  });
}

function cpusetStats(read: ReadFile): Stats["cpuset"] {
  return prune({
    cpus: listFrom(read("cpuset.cpus.effective") ?? read("cpuset.cpus")),
    cpu_exclusive: 0,
    mems: listFrom(read("cpuset.mems.effective") ?? read("cpuset.mems")),
    mem_hardwall: 0,
    mem_exclusive: 0,
    memory_migrate: 0,
    memory_spread_page: 0,
    memory_spread_slab: 0,
    memory_pressure: 0,
    sched_load_balance: 0,
    sched_relax_domain_level: 0,
  });
}

function memoryStats(read: ReadFile): Stats["memory"] {
  const raw = keyed(read("memory.stat"));
  const usage = memoryEntry(read, "memory");
  const swapUsage = single(read("memory.swap.current")) ?? 0;
  const swapMax = single(read("memory.swap.max"));
  // v1 counts memory and swap together, and so do the readers of these figures.
  const swap = prune({
    limit: swapMax === undefined ? 0 : plus(usage.limit, swapMax),
    usage: nonZero(plus(usage.usage ?? 0, swapUsage)),
    failcnt: 0,
  });
  return prune({
    cache: nonZero(raw["file"] ?? 0),
    usage,
    swap,
    kernel: { limit: 0, failcnt: 0 },
    kernelTCP: { limit: 0, failcnt: 0 },
    raw: Object.keys(raw).length > 0 ? sorted(raw) : undefined,
    psi: pressure(read("memory.pressure")),
  });
}

/** As Go writes a map. */
function sorted<T>(map: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function memoryEntry(read: ReadFile, prefix: string): MemoryEntry {
  return prune({
    limit: single(read(`${prefix}.max`)) ?? 0,
    usage: nonZero(single(read(`${prefix}.current`)) ?? 0),
    max: nonZero(single(read(`${prefix}.peak`)) ?? 0),
    failcnt: 0,
  });
}

function pidsStats(read: ReadFile): Stats["pids"] {
  const limit = single(read("pids.max"));
  return prune({
    // Without the controller processes are counted, as runc does.
    current: nonZero(
      single(read("pids.current")) ?? countLines(read("cgroup.procs") ?? read("cgroup.threads")),
    ),
    limit: limit === undefined || limit === unlimited ? undefined : nonZero(limit),
  });
}

function countLines(text: string | null): number {
  return (text ?? "").split("\n").length - 1;
}

function blockStats(read: ReadFile): Stats["blkio"] {
  const bytes: BlockEntry[] = [];
  const requests: BlockEntry[] = [];
  for (const line of (read("io.stat") ?? "").split("\n")) {
    const [device = "", ...pairs] = line.split(" ");
    const [major, minor] = device.split(":");
    if (minor === undefined) continue;
    for (const pair of pairs) {
      const [key = "", value = "0"] = pair.split("=");
      const target = key.endsWith("bytes") ? bytes : key.endsWith("ios") ? requests : undefined;
      const op = { r: "Read", w: "Write" }[key[0] ?? ""];
      if (target === undefined || op === undefined) continue;
      target.push(
        prune({
          major: nonZero(Number(major)),
          minor: nonZero(Number(minor)),
          op,
          value: nonZero(integer(value)),
        }),
      );
    }
  }
  return prune({
    ioServiceBytesRecursive: bytes.length > 0 ? bytes : undefined,
    ioServicedRecursive: requests.length > 0 ? requests : undefined,
    psi: pressure(read("io.pressure")),
  });
}

function hugetlbStats(read: ReadFile, names: readonly string[]): Stats["hugetlb"] {
  const stats: Stats["hugetlb"] = {};
  for (const name of names) {
    const size = /^hugetlb\.([^.]+)\.current$/.exec(name)?.[1];
    if (size === undefined) continue;
    const usage = single(read(`hugetlb.${size}.rsvd.current`) ?? read(name)) ?? 0;
    const failures = keyed(read(`hugetlb.${size}.events`))["max"] ?? 0;
    stats[size] = prune({ usage: nonZero(usage), failcnt: failures });
  }
  return stats;
}

/** Parses a PSI file; undefined where the kernel has no PSI. */
export function pressure(text: string | null): Pressure | undefined {
  if (text === null || text === "") return undefined;
  const lines: Partial<Pressure> = {};
  for (const line of text.split("\n")) {
    const [kind, ...pairs] = line.split(" ");
    if (kind !== "some" && kind !== "full") continue;
    const values = Object.fromEntries(pairs.map((pair) => pair.split("=")));
    lines[kind] = {
      avg10: Number(values.avg10),
      avg60: Number(values.avg60),
      avg300: Number(values.avg300),
      total: integer(values.total ?? "0"),
    };
  }
  const none = { avg10: 0, avg60: 0, avg300: 0, total: 0 };
  return { some: lines.some ?? none, full: lines.full ?? none };
}

/** "key value" lines. */
export function keyed(text: string | null): Record<string, Int> {
  const values: Record<string, Int> = {};
  for (const line of (text ?? "").split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0) values[line.slice(0, space)] = integer(line.slice(space + 1));
  }
  return values;
}

/** A list such as "0-2,7" as numbers; undefined when empty. */
export function listFrom(text: string | null): number[] | undefined {
  const list: number[] = [];
  for (const part of (text ?? "").trim().split(",")) {
    if (part === "") continue;
    const [from = "", to = from] = part.split("-");
    for (let n = Number(from); n <= Number(to); n++) list.push(n);
  }
  return list.length > 0 ? list : undefined;
}

function single(text: string | null): Int | undefined {
  if (text === null) return undefined;
  const value = text.trim();
  return value === "max" ? unlimited : integer(value);
}

function integer(text: string): Int {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text.trim());
}

function times(value: Int, factor: number): Int {
  return narrow(BigInt(value) * BigInt(factor));
}

// A sum with "max" stays "max": both wrap no further than the limit of 64 bits.
function plus(a: Int, b: Int): Int {
  if (a === unlimited || b === unlimited) return unlimited;
  return narrow(BigInt(a) + BigInt(b));
}

function narrow(value: bigint): Int {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

function nonZero(value: Int): Int | undefined {
  return value === 0 || value === 0n ? undefined : value;
}

function prune<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  for (const key of Object.keys(value) as (keyof T)[]) {
    if (value[key] === undefined) delete value[key];
  }
  return value as T;
}
