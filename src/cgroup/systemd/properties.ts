import type { BusValue } from "../../native.ts";
import { ACCESS_MKNOD, ACCESS_READ, ACCESS_WRITE, type DeviceAccess } from "../devices.ts";
import type { CgroupWarning, CgroupWrite } from "../resources.ts";

/** A property of a unit, with the D-Bus signature of its value. */
export type UnitProperty = readonly [name: string, signature: string, value: BusValue];

/** What systemd takes for "no limit". */
export const infinity = (1n << 64n) - 1n;

/** Version of systemd from which a property is there. */
const since: Readonly<Record<string, number>> = {
  CPUQuotaPeriodUSec: 242,
  AllowedCPUs: 244,
  AllowedMemoryNodes: 244,
};

const idleSince = 252;

/** The properties that stand for writes to cgroup files, of those that systemd `version` knows; the last write counts. */
export function propertiesOfWrites(
  writes: readonly CgroupWrite[],
  version: number,
): UnitProperty[] {
  const byName = new Map<string, UnitProperty>();
  for (const { file, value } of writes) {
    for (const property of convert[file]?.(value, version) ?? []) {
      if ((since[property[0]] ?? 0) <= version) byName.set(property[0], property);
    }
  }
  return [...byName.values(), ...deviceLimits(writes)];
}

/**
 * The writes that go into the files of a unit with these properties. To systemd an idle cgroup is one of weight 0, and
 * the kernel takes no weight for it; a quota is in the file as systemd would write it at its next occasion.
 */
export function writesBesideUnit(
  writes: readonly CgroupWrite[],
  version: number,
): { readonly writes: readonly CgroupWrite[]; readonly warnings: readonly CgroupWarning[] } {
  const idle =
    version >= idleSince && writes.findLast(({ file }) => file === "cpu.idle")?.value === "1";
  const weights = writes.filter(({ file }) => idle && file === "cpu.weight");
  return {
    writes: writes.filter((write) => !weights.includes(write)).map(roundQuota),
    warnings: weights.map(({ origin }) => ({
      message: "unable to apply both cpu.weight and cpu.idle to systemd, ignoring cpu.weight",
      origin,
    })),
  };
}

function roundQuota(write: CgroupWrite): CgroupWrite {
  if (write.file !== "cpu.max") return write;
  const parsed = parseQuota(write.value);
  if (parsed === undefined || parsed.perSecond === infinity) return write;
  const { perSecond, period } = parsed;
  return { ...write, value: `${(perSecond * period) / 1_000_000n} ${period}` };
}

type Conversion = (value: string, version: number) => UnitProperty[];

function limit(name: string): Conversion {
  return (value) => {
    if (value === "max") return [[name, "t", infinity]];
    return /^\d+$/.test(value) ? [[name, "t", BigInt(value)]] : [];
  };
}

function list(name: string): Conversion {
  return (value) => [[name, "ay", bitsOfList(value)]];
}

/** Files that are not here, such as memory.oom.group, systemd knows nothing of: it leaves them alone. */
const convert: Readonly<Record<string, Conversion>> = {
  "memory.max": limit("MemoryMax"),
  "memory.high": limit("MemoryHigh"),
  "memory.low": limit("MemoryLow"),
  "memory.min": limit("MemoryMin"),
  "memory.swap.max": limit("MemorySwapMax"),
  "pids.max": limit("TasksMax"),
  "cpu.weight": limit("CPUWeight"),
  "cpu.max": quota,
  // An idle cgroup is one of weight 0 to systemd.
  "cpu.idle": (value, version) =>
    value === "1" && version >= idleSince ? [["CPUWeight", "t", 0n]] : [],
  "cpuset.cpus": list("AllowedCPUs"),
  "cpuset.mems": list("AllowedMemoryNodes"),
  "io.weight": (value) => limit("IOWeight")(value.replace(/^default /, ""), 0),
};

function quota(value: string): UnitProperty[] {
  const parsed = parseQuota(value);
  if (parsed === undefined) return [];
  return [
    ["CPUQuotaPeriodUSec", "t", parsed.period],
    ["CPUQuotaPerSecUSec", "t", parsed.perSecond],
  ];
}

/** "QUOTA PERIOD" in microseconds as time per second and period; systemd counts the former in steps of 10 ms. */
function parseQuota(value: string): { perSecond: bigint; period: bigint } | undefined {
  const match = /^(max|\d+)(?: (\d+))?$/.exec(value);
  const period = BigInt(match?.[2] ?? 100_000);
  if (match === null || period === 0n) return undefined;
  if (match[1] === "max") return { perSecond: infinity, period };
  const step = 10_000n;
  const steps = (BigInt(match[1]!) * 1_000_000n + period * step - 1n) / (period * step);
  return { perSecond: steps * step, period };
}

/** A list such as "0-2,5" as a bit mask, least significant byte first. */
export function bitsOfList(text: string): number[] {
  const bytes: number[] = [];
  for (const range of text.split(",").filter((part) => part.trim() !== "")) {
    const [first, last = first] = range.split("-").map(Number);
    for (let bit = first!; bit <= last!; bit++) {
      while (bytes.length <= bit >> 3) bytes.push(0);
      bytes[bit >> 3]! |= 1 << (bit & 7);
    }
  }
  return bytes;
}

const ioLimits: Readonly<Record<string, string>> = {
  rbps: "IOReadBandwidthMax",
  wbps: "IOWriteBandwidthMax",
  riops: "IOReadIOPSMax",
  wiops: "IOWriteIOPSMax",
};

/** io.max by device: each property is the list of all devices. */
function deviceLimits(writes: readonly CgroupWrite[]): UnitProperty[] {
  const lists = new Map<string, [string, bigint][]>();
  for (const { value } of writes.filter(({ file }) => file === "io.max")) {
    const [device, ...settings] = value.split(" ");
    for (const [, key, amount] of settings.map((setting) => /^(\w+)=(\w+)$/.exec(setting) ?? [])) {
      const name = ioLimits[key ?? ""];
      if (name === undefined) continue;
      const rate = amount === "max" ? infinity : BigInt(amount!);
      lists.set(name, [...(lists.get(name) ?? []), [`/dev/block/${device}`, rate]]);
    }
  }
  return [...lists].map(([name, entries]) => [name, "a(st)", entries]);
}

/** The device rules in systemd's terms. It may allow more than they do: the container's own program decides too. */
export function deviceProperties(rules: readonly DeviceAccess[]): UnitProperty[] {
  const allowed = rules.filter(
    (rule, index) => rule.allow && !rules.slice(index + 1).some((later) => revokes(later, rule)),
  );
  // Everything, perhaps with exceptions: systemd has no words for those.
  if (allowed.some(({ major, access }) => major === null && (access & ~ACCESS_MKNOD) !== 0)) {
    return [
      ["DevicePolicy", "s", "auto"],
      ["DeviceAllow", "a(ss)", []],
    ];
  }
  const byPath = new Map<string, number>();
  for (const rule of allowed) {
    const path = devicePath(rule);
    byPath.set(path, (byPath.get(path) ?? 0) | rule.access);
  }
  const entries = [...byPath].map(([path, access]) => [path, accessLetters(access)]);
  return [
    ["DevicePolicy", "s", "strict"],
    ["DeviceAllow", "a(ss)", entries],
  ];
}

function revokes(later: DeviceAccess, { type, major, minor, access }: DeviceAccess): boolean {
  return (
    !later.allow &&
    later.type === type &&
    (later.major === null || later.major === major) &&
    (later.minor === null || later.minor === minor) &&
    (access & ~later.access) === 0
  );
}

function devicePath({ type, major, minor }: DeviceAccess): string {
  if (major === null) return `${type}-*`;
  return minor === null ? `${type}-${major}` : `/dev/${type}/${major}:${minor}`;
}

function accessLetters(access: number): string {
  const letters = [
    [ACCESS_READ, "r"],
    [ACCESS_WRITE, "w"],
    [ACCESS_MKNOD, "m"],
  ] as const;
  return letters.map(([bit, letter]) => ((access & bit) !== 0 ? letter : "")).join("");
}
