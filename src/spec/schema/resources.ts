import { deviceRuleTypes } from "../tables.ts";
import type { DeviceRule, Resources, Throttle } from "../types.ts";
import { type Field, list, mapOf, object } from "./blocks.ts";
import { bool, int, int64, oneOfOrEmpty, text, uint16, uint32, uint64 } from "./leaves.ts";

type Part<K extends keyof Resources> = NonNullable<Resources[K]>;
type BlockIo = Part<"blockIO">;
type Network = Part<"network">;

const deviceRule = object<DeviceRule>(
  { allow: bool, type: oneOfOrEmpty(deviceRuleTypes), major: int, minor: int, access: text },
  ["allow"],
);

const memory = object<Part<"memory">>({
  limit: int64,
  reservation: int64,
  swap: int64,
  kernel: int64,
  kernelTCP: int64,
  swappiness: uint64,
  disableOOMKiller: bool,
  useHierarchy: bool,
  checkBeforeUpdate: bool,
});

const cpu = object<Part<"cpu">>({
  shares: uint64,
  quota: int64,
  burst: uint64,
  period: uint64,
  realtimeRuntime: int64,
  realtimePeriod: uint64,
  cpus: text,
  mems: text,
  idle: int64,
});

const throttle = list(
  object<Throttle>({ major: int, minor: int, rate: uint64 }, ["major", "minor", "rate"]),
);

const weightDevice = object<NonNullable<BlockIo["weightDevice"]>[number]>(
  { major: int, minor: int, weight: uint16, leafWeight: uint16 },
  ["major", "minor"],
);

const blockIo = object<BlockIo>({
  weight: uint16,
  leafWeight: uint16,
  weightDevice: list(weightDevice),
  throttleReadBpsDevice: throttle,
  throttleWriteBpsDevice: throttle,
  throttleReadIOPSDevice: throttle,
  throttleWriteIOPSDevice: throttle,
});

const priority = object<NonNullable<Network["priorities"]>[number]>(
  { name: text, priority: uint32 },
  ["name", "priority"],
);

const hugepageLimit = object<Part<"hugepageLimits">[number]>({ pageSize: text, limit: uint64 }, [
  "pageSize",
  "limit",
]);

/** config-linux.md, Control groups */
export const resources: Field<Resources> = object<Resources>({
  devices: list(deviceRule),
  memory,
  cpu,
  pids: object<Part<"pids">>({ limit: int64 }),
  blockIO: blockIo,
  hugepageLimits: list(hugepageLimit),
  network: object<Network>({ classID: uint32, priorities: list(priority) }),
  rdma: mapOf(object<Part<"rdma">[string]>({ hcaHandles: uint32, hcaObjects: uint32 })),
  unified: mapOf(text),
});
