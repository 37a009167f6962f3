// What an update asks for, as writes: pure. What it does not name stays as it is; 0 and "" name nothing.
import { TsrunError } from "../errors.ts";
import type { Int, Resources, Throttle } from "../spec/types.ts";
import { type CgroupWarning, type CgroupWrite, convertResources } from "./resources.ts";

export type UpdateFacts = {
  /** The resources of the container until now. */
  readonly saved: Resources;
  /** A file of its cgroup; undefined when the cgroup does not have it. */
  readonly read: (file: string) => string | undefined;
};

export type PlannedUpdate = {
  readonly writes: readonly CgroupWrite[];
  readonly warnings: readonly CgroupWarning[];
  /** All resources of the container, when this is done. */
  readonly resources: Resources;
  /** Device rules that are not those it has. */
  readonly devicesChange: boolean;
};

/** Plans the update of a container's resources. */
export function planUpdate(change: Resources, facts: UpdateFacts): PlannedUpdate {
  checkUsage(change.memory, facts);
  const complete: Resources = {
    ...change,
    ...(change.memory && { memory: completeMemory(change.memory, facts) }),
    ...(change.cpu && { cpu: completeCpu(change.cpu, facts) }),
  };
  const { writes, warnings } = convertResources(complete);
  return {
    writes: orderBurst(
      writes.filter(({ file }) => file !== "memory.max" || isSet(change.memory?.limit)),
      facts,
    ),
    warnings,
    resources: mergeResources(facts.saved, change),
    devicesChange:
      change.devices !== undefined &&
      JSON.stringify(change.devices) !== JSON.stringify(facts.saved.devices ?? []),
  };
}

type Memory = NonNullable<Resources["memory"]>;
type Cpu = NonNullable<Resources["cpu"]>;

/** A limit below what is used already makes the kernel kill: callers can ask not to try. */
function checkUsage(memory: Memory | undefined, { read }: UpdateFacts): void {
  if (memory?.checkBeforeUpdate !== true) return;
  const text = read("memory.current");
  if (text === undefined) return;
  const usage = BigInt(text.trim());
  for (const [field, name] of [
    ["swap", "memory+swap"],
    ["limit", "memory"],
  ] as const) {
    const limit = BigInt(memory[field] ?? 0);
    if (limit <= 0n || limit > usage) continue;
    throw new TsrunError("CGROUP", `rejecting ${name} limit ${limit} <= usage ${usage}`, {
      pointer: `/linux/resources/memory/${field}`,
      hint: "a limit below what is used kills processes of the container; checkBeforeUpdate false sets it all the same",
    });
  }
}

/** v2 limits swap alone: it changes with the memory limit, where memory and swap together are limited. */
function completeMemory(memory: Memory, { saved, read }: UpdateFacts): Memory {
  const limit = isSet(memory.limit) ? memory.limit : undefined;
  if (limit === undefined && !isSet(memory.swap)) return memory;
  const swap = memory.swap ?? (limit === -1 ? undefined : saved.memory?.swap);
  return { ...memory, limit: limit ?? presentLimit(saved, read), swap };
}

function presentLimit(saved: Resources, read: UpdateFacts["read"]): Int | undefined {
  if (isSet(saved.memory?.limit)) return saved.memory.limit;
  const text = read("memory.max")?.trim() ?? "max";
  return text === "max" ? undefined : BigInt(text);
}

/** Quota and period are one file: what is not named keeps its value. */
function completeCpu(cpu: Cpu, { read }: UpdateFacts): Cpu {
  if (isSet(cpu.quota) === isSet(cpu.period)) return cpu;
  const [quota = "max", period] = (read("cpu.max") ?? "").trim().split(" ");
  return isSet(cpu.quota)
    ? { ...cpu, ...(period ? { period: BigInt(period) } : {}) }
    : { ...cpu, quota: /^\d+$/.test(quota) ? BigInt(quota) : -1 };
}

/** The burst may never be more than the quota: one that shrinks goes first, one that grows after it. */
function orderBurst(writes: readonly CgroupWrite[], { read }: UpdateFacts): CgroupWrite[] {
  const burst = writes.find(({ file }) => file === "cpu.max.burst");
  const present = read("cpu.max.burst")?.trim() ?? "0";
  if (burst === undefined || BigInt(burst.value) >= BigInt(present)) return [...writes];
  const others = writes.filter((write) => write !== burst);
  const at = others.findIndex(({ file }) => file === "cpu.max");
  return at === -1 ? [...others, burst] : others.toSpliced(at, 0, burst);
}

/** The resources that a container has after a change. */
export function mergeResources(saved: Resources, change: Resources): Resources {
  const lifted = change.memory?.limit === -1 && change.memory.swap === undefined;
  return {
    ...saved,
    ...(change.devices && { devices: change.devices }),
    memory: {
      ...overlay(saved.memory, change.memory),
      // Without a limit of memory the one of memory and swap is gone, too.
      ...(lifted
        ? { swap: 0 }
        : change.memory?.swap === undefined
          ? {}
          : { swap: change.memory.swap }),
    },
    cpu: overlay(saved.cpu, change.cpu),
    ...(change.pids?.limit === undefined ? {} : { pids: change.pids }),
    ...(change.blockIO && { blockIO: mergeBlockIo(saved.blockIO ?? {}, change.blockIO) }),
    ...(change.hugepageLimits && {
      hugepageLimits: upsert(
        saved.hugepageLimits,
        change.hugepageLimits,
        ({ pageSize }) => pageSize,
      ),
    }),
    ...(change.rdma && { rdma: { ...saved.rdma, ...change.rdma } }),
    ...(change.unified && { unified: { ...saved.unified, ...change.unified } }),
  };
}

type BlockIo = NonNullable<Resources["blockIO"]>;

function mergeBlockIo(saved: BlockIo, change: BlockIo): BlockIo {
  const device = ({ major, minor }: { major: number; minor: number }): string =>
    `${major}:${minor}`;
  const throttles = (key: keyof BlockIo & `throttle${string}`): Throttle[] =>
    upsert(saved[key], change[key] ?? [], device);
  const merged: BlockIo = {
    ...overlay(saved, { weight: change.weight }),
    weightDevice: upsert(saved.weightDevice, change.weightDevice ?? [], device),
    throttleReadBpsDevice: throttles("throttleReadBpsDevice"),
    throttleWriteBpsDevice: throttles("throttleWriteBpsDevice"),
    throttleReadIOPSDevice: throttles("throttleReadIOPSDevice"),
    throttleWriteIOPSDevice: throttles("throttleWriteIOPSDevice"),
  };
  return merged;
}

function upsert<T>(
  saved: readonly T[] | undefined,
  change: readonly T[],
  nameOf: (entry: T) => string,
): T[] {
  const all = new Map([...(saved ?? []), ...change].map((entry) => [nameOf(entry), entry]));
  return [...all.values()];
}

function overlay<T extends object>(saved: T | undefined, change: T | undefined): T {
  const named = Object.entries(change ?? {}).filter(
    ([key, value]) => key === "idle" || key === "burst" || isNamed(value),
  );
  return { ...saved, ...Object.fromEntries(named) } as T;
}

function isNamed(value: unknown): boolean {
  return value !== undefined && value !== 0 && value !== 0n && value !== "";
}

function isSet(value: Int | undefined): value is Int {
  return value !== undefined && BigInt(value) !== 0n;
}
