import { TsrunError } from "../errors.ts";
import type { Resources, Throttle } from "../spec/types.ts";
import {
  cpuMaxOf,
  ioWeightOf,
  limitText,
  pidsMaxOf,
  swapMaxOf,
  weightOfShares,
} from "./conversion.ts";

/** One value for one file of the container's cgroup; each is one write(2). */
export type CgroupWrite = {
  readonly file: string;
  readonly value: string;
  /** JSON pointer of the field it comes from. */
  readonly origin: string;
  /** The kernel may lack the file: then there is nothing to limit. */
  readonly optional?: boolean;
  /** What to write where `file` does not exist. */
  readonly otherwise?: { readonly file: string; readonly value: string };
};

export type CgroupWarning = { readonly message: string; readonly origin: string };

export type ConvertedResources = {
  readonly writes: readonly CgroupWrite[];
  /** Fields that v2 has nothing for. */
  readonly warnings: readonly CgroupWarning[];
};

const base = "/linux/resources";

/** linux.resources as writes to cgroup v2 files, in an order in which a fresh cgroup accepts them. Devices are not among them. */
export function convertResources(resources: Resources | undefined): ConvertedResources {
  if (resources === undefined) return { writes: [], warnings: [] };
  return {
    writes: [
      ...pidsWrites(resources.pids),
      ...memoryWrites(resources.memory),
      ...ioWrites(resources.blockIO),
      ...cpuWrites(resources.cpu),
      ...cpusetWrites(resources.cpu),
      ...hugetlbWrites(resources.hugepageLimits),
      ...rdmaWrites(resources.rdma),
      ...unifiedWrites(resources.unified),
    ],
    warnings: resourceWarnings(resources),
  };
}

function pidsWrites(pids: Resources["pids"]): CgroupWrite[] {
  if (pids?.limit === undefined) return [];
  return [{ file: "pids.max", value: pidsMaxOf(pids.limit), origin: `${base}/pids/limit` }];
}

function memoryWrites(memory: Resources["memory"]): CgroupWrite[] {
  if (memory === undefined) return [];
  const writes: CgroupWrite[] = [];
  const swap = swapMaxOf(memory.swap, memory.limit);
  if (swap !== undefined) {
    // A kernel without swap accounting has no such file; no swap and no limit hold there anyway.
    const optional = swap === "max" || swap === "0";
    const field = isSet(memory.swap) ? "swap" : "limit";
    writes.push({
      file: "memory.swap.max",
      value: swap,
      origin: `${base}/memory/${field}`,
      optional,
    });
  }
  if (isSet(memory.limit))
    writes.push({
      file: "memory.max",
      value: limitText(memory.limit),
      origin: `${base}/memory/limit`,
    });
  if (isSet(memory.reservation)) {
    writes.push({
      file: "memory.low",
      value: limitText(memory.reservation),
      origin: `${base}/memory/reservation`,
    });
  }
  return writes;
}

function cpuWrites(cpu: Resources["cpu"]): CgroupWrite[] {
  if (cpu === undefined) return [];
  const writes: CgroupWrite[] = [];
  if (isSet(cpu.shares)) {
    writes.push({
      file: "cpu.weight",
      value: String(weightOfShares(cpu.shares)),
      origin: `${base}/cpu/shares`,
    });
  }
  if (cpu.idle !== undefined) {
    const idle = { file: "cpu.idle", value: String(cpu.idle), origin: `${base}/cpu/idle` };
    // An idle cgroup refuses a weight: set the weight before it becomes idle, or after it has ceased to be.
    if (BigInt(cpu.idle) === 0n) writes.unshift(idle);
    else writes.push(idle);
  }
  const max = cpuMaxOf(cpu.quota, cpu.period);
  const field = isSet(cpu.quota) ? "quota" : "period";
  if (max !== undefined)
    writes.push({ file: "cpu.max", value: max, origin: `${base}/cpu/${field}` });
  if (cpu.burst !== undefined)
    writes.push({ file: "cpu.max.burst", value: String(cpu.burst), origin: `${base}/cpu/burst` });
  return writes;
}

function cpusetWrites(cpu: Resources["cpu"]): CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  if (cpu?.cpus) writes.push({ file: "cpuset.cpus", value: cpu.cpus, origin: `${base}/cpu/cpus` });
  if (cpu?.mems) writes.push({ file: "cpuset.mems", value: cpu.mems, origin: `${base}/cpu/mems` });
  return writes;
}

function ioWrites(blockIO: Resources["blockIO"]): CgroupWrite[] {
  if (blockIO === undefined) return [];
  const at = `${base}/blockIO`;
  const writes: CgroupWrite[] = [];
  // Where the BFQ scheduler is, its weight is the one that works.
  const weigh = (weight: number, device: string, origin: string): void => {
    const otherwise = { file: "io.weight", value: `${device}${ioWeightOf(weight)}` };
    writes.push({ file: "io.bfq.weight", value: `${device}${weight}`, origin, otherwise });
  };
  if (blockIO.weight) weigh(blockIO.weight, "", `${at}/weight`);
  for (const [index, { major, minor, weight }] of (blockIO.weightDevice ?? []).entries()) {
    if (weight) weigh(weight, `${major}:${minor} `, `${at}/weightDevice/${index}/weight`);
  }
  return [
    ...writes,
    ...throttleWrites(blockIO.throttleReadBpsDevice, "rbps", `${at}/throttleReadBpsDevice`),
    ...throttleWrites(blockIO.throttleWriteBpsDevice, "wbps", `${at}/throttleWriteBpsDevice`),
    ...throttleWrites(blockIO.throttleReadIOPSDevice, "riops", `${at}/throttleReadIOPSDevice`),
    ...throttleWrites(blockIO.throttleWriteIOPSDevice, "wiops", `${at}/throttleWriteIOPSDevice`),
  ];
}

function throttleWrites(
  list: readonly Throttle[] | undefined,
  key: string,
  at: string,
): CgroupWrite[] {
  return (list ?? []).map(({ major, minor, rate }, index) => ({
    file: "io.max",
    // v1 took 0 for "no throttle"; v2 refuses it and says "max".
    value: `${major}:${minor} ${key}=${BigInt(rate) === 0n ? "max" : rate}`,
    origin: `${at}/${index}`,
  }));
}

function hugetlbWrites(limits: Resources["hugepageLimits"]): CgroupWrite[] {
  return (limits ?? []).flatMap(({ pageSize, limit }, index) => {
    const [value, origin] = [String(limit), `${base}/hugepageLimits/${index}`];
    if (!/^[1-9][0-9]*[KMG]B$/.test(pageSize)) {
      throw new TsrunError("CONFIG_INVALID", `invalid huge page size ${JSON.stringify(pageSize)}`, {
        pointer: `${origin}/pageSize`,
        hint: 'sizes look like "2MB" or "1GB"',
      });
    }
    return [
      { file: `hugetlb.${pageSize}.max`, value, origin },
      // Reservations are charged apart, since Linux 5.7.
      { file: `hugetlb.${pageSize}.rsvd.max`, value, origin, optional: true },
    ];
  });
}

function rdmaWrites(rdma: Resources["rdma"]): CgroupWrite[] {
  return Object.entries(rdma ?? {}).map(([device, { hcaHandles, hcaObjects }]) => {
    const origin = `${base}/rdma/${escapePointer(device)}`;
    const parts = [
      ...(hcaHandles === undefined ? [] : [`hca_handle=${hcaHandles}`]),
      ...(hcaObjects === undefined ? [] : [`hca_object=${hcaObjects}`]),
    ];
    if (parts.length === 0) {
      throw new TsrunError(
        "CONFIG_INVALID",
        `no limit is given for the RDMA device ${JSON.stringify(device)}`,
        {
          pointer: origin,
          hint: "set hcaHandles, hcaObjects or both",
        },
      );
    }
    return { file: "rdma.max", value: `${device} ${parts.join(" ")}`, origin };
  });
}

function unifiedWrites(unified: Resources["unified"]): CgroupWrite[] {
  return Object.entries(unified ?? {}).flatMap(([file, value]) => {
    const origin = `${base}/unified/${escapePointer(file)}`;
    checkUnifiedName(file, origin);
    // The kernel takes one setting by write: several lines are several writes.
    const lines = value.split("\n").filter((line) => line !== "");
    return (lines.length === 0 ? [""] : lines).map((line) => ({ file, value: line, origin }));
  });
}

function checkUnifiedName(file: string, pointer: string): void {
  const refuse = (problem: string, hint: string): never => {
    throw new TsrunError("CONFIG_INVALID", `unified resource ${JSON.stringify(file)} ${problem}`, {
      pointer,
      hint,
    });
  };
  if (file.includes("/"))
    refuse("must be a file name (no slashes)", 'use names such as "memory.high"');
  if (!/^[a-z_0-9]+\.[^\0]+$/i.test(file))
    refuse("must be in the form CONTROLLER.PARAMETER", 'use names such as "memory.high"');
  // Moving processes is no limit; "0" there would even move tsrun itself into the container's cgroup.
  if (file === "cgroup.procs" || file === "cgroup.threads")
    refuse("moves processes and cannot be set", "leave it out");
}

function resourceWarnings({ devices, memory, cpu, blockIO, network }: Resources): CgroupWarning[] {
  const warnings: CgroupWarning[] = [];
  const ignored = (given: unknown, field: string, why = "cgroup v2 has nothing like it"): void => {
    if (given)
      warnings.push({
        message: `linux.resources.${field.replace(/\.(\d+)\b/g, "[$1]")} is ignored: ${why}`,
        origin: `${base}/${field.replaceAll(".", "/")}`,
      });
  };
  for (const [index, { access }] of (devices ?? []).entries()) {
    const unknown = access?.replace(/[rwm]/g, "");
    ignored(unknown, `devices.${index}.access`, `${unknown} is no kind of access`);
  }
  const kernel = "limits of kernel memory were removed from Linux";
  ignored(memory?.kernel !== undefined, "memory.kernel", kernel);
  ignored(memory?.kernelTCP !== undefined, "memory.kernelTCP", kernel);
  ignored(memory?.swappiness !== undefined, "memory.swappiness");
  ignored(memory?.disableOOMKiller, "memory.disableOOMKiller");
  ignored(isSet(cpu?.realtimeRuntime), "cpu.realtimeRuntime");
  ignored(isSet(cpu?.realtimePeriod), "cpu.realtimePeriod");
  ignored(blockIO?.leafWeight, "blockIO.leafWeight");
  for (const [index, { leafWeight }] of (blockIO?.weightDevice ?? []).entries()) {
    ignored(leafWeight, `blockIO.weightDevice.${index}.leafWeight`);
  }
  ignored(network?.classID, "network.classID");
  ignored(network?.priorities?.length, "network.priorities");
  return warnings;
}

/** 0 stands for "not set" in the fields that callers fill with it. */
function isSet<T extends number | bigint>(value: T | undefined): value is T {
  return value !== undefined && BigInt(value) !== 0n;
}

function escapePointer(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
