// For each field of config.json values that runtime-spec 1.3.0, or what it refers to, does not allow.
import { type Config, raw } from "./configs.ts";

export type Outside = {
  /** Values that are wrong, each of them alone. */
  readonly values: readonly unknown[];
  /** What makes them wrong, where that depends on other fields. */
  readonly edit?: (config: Config) => void;
};

const integer = (min: bigint, max: bigint, ...more: unknown[]): Outside => ({
  values: [min - 1n, max + 1n, raw("0.5"), ...more],
});
const u32 = integer(0n, 0xffff_ffffn);
const u64 = integer(0n, 2n ** 64n - 1n);
const i32 = integer(-(2n ** 31n), 2n ** 31n - 1n);
const i64 = integer(-(2n ** 63n), 2n ** 63n - 1n);
const bool: Outside = { values: ["true", 0] };
/** Any text: there is nothing outside but what no kernel takes. */
const text: Outside = { values: ["a\0b"] };
const some = (...values: unknown[]): Outside => ({ values: [...text.values, ...values] });
const word = (...close: string[]): Outside => ({ values: ["", "no-such", "a\0b", ...close] });
const absolute = some("", "bin/true", "./x");
const list = some("1,", "3-1", "a", "0-", "-1", "1;2");
const id = integer(0n, 0xffff_ffffn - 1n);
const mapping = (field: string): Readonly<Record<string, Outside>> => ({
  [`${field}[].containerID`]: u32,
  [`${field}[].hostID`]: u32,
  [`${field}[].size`]: { values: [0, -1, 2 ** 32, 2 ** 32 - 1, raw("0.5")] },
});
const hook = (name: string): Readonly<Record<string, Outside>> => ({
  [`hooks.${name}[].path`]: absolute,
  [`hooks.${name}[].args[]`]: text,
  [`hooks.${name}[].env[]`]: some("", "=x", "NAME"),
  [`hooks.${name}[].timeout`]: integer(1n, 2n ** 53n - 1n, 0),
});
const throttle = (name: string): Readonly<Record<string, Outside>> => ({
  [`linux.resources.blockIO.${name}[].major`]: integer(0n, 0xfffn),
  [`linux.resources.blockIO.${name}[].minor`]: integer(0n, 0xf_ffffn),
  [`linux.resources.blockIO.${name}[].rate`]: u64,
});
const weight: Outside = { values: [1, 9, 1001, 65536, -1, raw("1.5")] };
const bytes = integer(-1n, 2n ** 63n - 1n, -5);
const limited = (c: Config): void => {
  c.linux.resources.memory = { limit: 1000 };
};
const scheduled = (scheduler: object) => (c: Config) => {
  c.process.scheduler = scheduler;
};

/** By field, as listFields of test/conformance has them; sections and lists by the same names. */
export const outside: Readonly<Record<string, Outside | readonly Outside[]>> = {
  ociVersion: some("", "1.0", "v1.0.0", "1.0.0.0", "2.0.0", "0.9.0"),
  "root.path": some(""),
  "root.readonly": bool,

  "mounts[].destination": some(""),
  "mounts[].type": [text, { values: [""], edit: (c) => (c.mounts[0].options = []) }],
  "mounts[].source": some(""),
  "mounts[].options[]": {
    values: ["no-such", "a\0b", "RO"],
    edit: (c) => c.mounts[0].options.push("bind"),
  },
  ...mapping("mounts[].uidMappings"),
  ...mapping("mounts[].gidMappings"),

  "process.args": { values: [[]] },
  "process.terminal": bool,
  "process.consoleSize.height": integer(0n, 2n ** 53n - 1n),
  "process.consoleSize.width": integer(0n, 2n ** 53n - 1n),
  "process.user.uid": id,
  "process.user.gid": id,
  "process.user.umask": integer(0n, 0o777n),
  "process.user.additionalGids[]": id,
  "process.user.username": text,
  "process.args[]": text,
  "process.commandLine": text,
  "process.env[]": some("", "NAME", "=value"),
  "process.cwd": some("", "tmp", "./tmp"),
  // Names that nobody knows are a warning.
  "process.capabilities.bounding[]": text,
  "process.capabilities.effective[]": {
    values: ["CAP_KILL", "a\0b"],
    edit: (c) => (c.process.capabilities.permitted = []),
  },
  "process.capabilities.inheritable[]": text,
  "process.capabilities.permitted[]": text,
  "process.capabilities.ambient[]": text,
  "process.rlimits[].type": [
    word("rlimit_core", "CORE"),
    {
      values: ["RLIMIT_CPU"],
      edit: (c) => c.process.rlimits.unshift({ type: "RLIMIT_CPU", soft: 0, hard: 0 }),
    },
  ],
  "process.rlimits[].soft": [u64, { values: [2], edit: (c) => (c.process.rlimits[0].hard = 1) }],
  "process.rlimits[].hard": u64,
  "process.noNewPrivileges": bool,
  "process.apparmorProfile": text,
  "process.oomScoreAdj": integer(-1000n, 1000n),
  "process.selinuxLabel": text,
  "process.scheduler.policy": word("sched_other", "SCHED_NORMAL"),
  "process.scheduler.nice": [
    i32,
    { ...integer(-20n, 19n), edit: scheduled({ policy: "SCHED_OTHER" }) },
    { ...integer(-20n, 19n), edit: scheduled({ policy: "SCHED_BATCH" }) },
  ],
  "process.scheduler.priority": [
    i32,
    { values: [1] },
    { ...integer(1n, 99n), edit: scheduled({ policy: "SCHED_FIFO" }) },
    { ...integer(1n, 99n), edit: scheduled({ policy: "SCHED_RR" }) },
    { values: [1, -1], edit: scheduled({ policy: "SCHED_OTHER" }) },
  ],
  "process.scheduler.flags[]": word("RECLAIM", "sched_flag_reclaim"),
  "process.scheduler.runtime": [u64, { values: [1], edit: scheduled({ policy: "SCHED_OTHER" }) }],
  "process.scheduler.deadline": [u64, { values: [1], edit: scheduled({ policy: "SCHED_FIFO" }) }],
  "process.scheduler.period": [u64, { values: [1], edit: scheduled({ policy: "SCHED_IDLE" }) }],
  "process.ioPriority.class": word("BE", "IOPRIO_CLASS_NONE"),
  "process.ioPriority.priority": integer(0n, 7n),
  "process.execCPUAffinity.initial": list,
  "process.execCPUAffinity.final": list,

  hostname: some("x".repeat(65), "é".repeat(33)),
  domainname: some("x".repeat(65)),
  ...hook("prestart"),
  ...hook("createRuntime"),
  ...hook("createContainer"),
  ...hook("startContainer"),
  ...hook("poststart"),
  ...hook("poststop"),
  "annotations.*": text,

  ...mapping("linux.uidMappings"),
  ...mapping("linux.gidMappings"),
  "linux.sysctl.*": text,
  "linux.cgroupsPath": text,
  "linux.namespaces[].type": [word("net", "TIME", "mnt"), { values: ["user"] }],
  "linux.namespaces[].path": some("proc/1/ns/time", "./x"),
  "linux.devices[].type": word("d", "C", "cc"),
  "linux.devices[].path": absolute,
  "linux.devices[].major": integer(0n, 0xfffn),
  "linux.devices[].minor": integer(0n, 0xf_ffffn),
  "linux.devices[].fileMode": integer(0n, 0o177777n),
  "linux.devices[].uid": id,
  "linux.devices[].gid": id,
  "linux.netDevices.*.name": some("a/b", "a b", "a:b", "..", "x".repeat(16)),
  "linux.rootfsPropagation": { values: ["rsalve", "PRIVATE", "ro", "a\0b"] },
  "linux.maskedPaths[]": absolute,
  "linux.readonlyPaths[]": absolute,
  "linux.mountLabel": text,
  "linux.intelRdt.closID": some("..", ".", "a/b", "/a"),
  "linux.intelRdt.schemata[]": some("L3:0=f\nMB:0=1"),
  "linux.intelRdt.l3CacheSchema": some("MB:0=1", "L3:0=f\nL3:1=f"),
  "linux.intelRdt.memBwSchema": some("L3:0=f", "MB:0=1\nMB:1=1"),
  "linux.intelRdt.enableMonitoring": bool,
  "linux.memoryPolicy.mode": word("BIND", "mpol_bind"),
  "linux.memoryPolicy.nodes": [
    some("", "1,", "3-1", "a"),
    { values: ["0"], edit: (c) => (c.linux.memoryPolicy.mode = "MPOL_DEFAULT") },
  ],
  "linux.memoryPolicy.flags[]": word("STATIC_NODES", "mpol_f_static_nodes"),
  "linux.personality.domain": word("linux", "LINUX64"),
  "linux.personality.flags[]": text,
  "linux.timeOffsets.*.secs": i64,
  "linux.timeOffsets.*.nanosecs": integer(0n, 999_999_999n),

  "linux.resources.devices[].allow": bool,
  "linux.resources.devices[].type": { values: ["u", "p", "A", "a\0b"] },
  "linux.resources.devices[].major": integer(-1n, 0xffff_ffffn),
  "linux.resources.devices[].minor": integer(-1n, 0xffff_ffffn),
  "linux.resources.devices[].access": some("", "x", "rwx", "RWM"),
  "linux.resources.memory.limit": bytes,
  "linux.resources.memory.reservation": bytes,
  "linux.resources.memory.swap": [bytes, { values: [999], edit: limited }],
  "linux.resources.memory.kernel": bytes,
  "linux.resources.memory.kernelTCP": bytes,
  "linux.resources.memory.swappiness": integer(0n, 100n),
  "linux.resources.memory.disableOOMKiller": bool,
  "linux.resources.memory.useHierarchy": bool,
  "linux.resources.memory.checkBeforeUpdate": bool,
  "linux.resources.cpu.shares": u64,
  "linux.resources.cpu.quota": i64,
  "linux.resources.cpu.burst": [
    u64,
    { values: [101], edit: (c) => (c.linux.resources.cpu.quota = 100) },
  ],
  "linux.resources.cpu.period": u64,
  "linux.resources.cpu.realtimeRuntime": i64,
  "linux.resources.cpu.realtimePeriod": u64,
  "linux.resources.cpu.cpus": list,
  "linux.resources.cpu.mems": list,
  "linux.resources.cpu.idle": integer(0n, 1n),
  "linux.resources.pids.limit": i64,
  "linux.resources.blockIO.weight": weight,
  "linux.resources.blockIO.leafWeight": weight,
  "linux.resources.blockIO.weightDevice[].major": integer(0n, 0xfffn),
  "linux.resources.blockIO.weightDevice[].minor": integer(0n, 0xf_ffffn),
  "linux.resources.blockIO.weightDevice[].weight": weight,
  "linux.resources.blockIO.weightDevice[].leafWeight": weight,
  "linux.resources.blockIO.weightDevice[]": { values: [{ major: 8, minor: 0 }] },
  ...throttle("throttleReadBpsDevice"),
  ...throttle("throttleWriteBpsDevice"),
  ...throttle("throttleReadIOPSDevice"),
  ...throttle("throttleWriteIOPSDevice"),
  "linux.resources.hugepageLimits[].pageSize": some("", "2M", "2mb", "0MB", "1.5GB", "2TB"),
  "linux.resources.hugepageLimits[].limit": u64,
  "linux.resources.network.classID": u32,
  "linux.resources.network.priorities[].name": some(""),
  "linux.resources.network.priorities[].priority": u32,
  "linux.resources.rdma.*": { values: [{}] },
  "linux.resources.rdma.*.hcaHandles": u32,
  "linux.resources.rdma.*.hcaObjects": u32,
  "linux.resources.unified.*": text,

  "linux.seccomp.defaultAction": [word("ALLOW", "scmp_act_allow"), { values: ["SCMP_ACT_NOTIFY"] }],
  "linux.seccomp.defaultErrnoRet": [
    integer(0n, 4095n),
    { values: [1, 0], edit: (c) => (c.linux.seccomp.defaultAction = "SCMP_ACT_ALLOW") },
  ],
  "linux.seccomp.architectures[]": word("x86_64", "scmp_arch_x86"),
  "linux.seccomp.flags[]": word("LOG", "seccomp_filter_flag_log"),
  "linux.seccomp.listenerPath": [
    text,
    {
      values: [""],
      edit: (c) => (c.linux.seccomp.syscalls[0] = { names: ["a"], action: "SCMP_ACT_NOTIFY" }),
    },
  ],
  "linux.seccomp.listenerMetadata": [
    text,
    { values: ["a"], edit: (c) => delete c.linux.seccomp.listenerPath },
  ],
  "linux.seccomp.syscalls[].names": { values: [[]] },
  "linux.seccomp.syscalls[].names[]": [
    some(""),
    { values: ["write"], edit: (c) => (c.linux.seccomp.syscalls[0].action = "SCMP_ACT_NOTIFY") },
  ],
  "linux.seccomp.syscalls[].action": word("ALLOW", "scmp_act_allow"),
  "linux.seccomp.syscalls[].errnoRet": [
    integer(0n, 4095n),
    { values: [1, 0], edit: (c) => (c.linux.seccomp.syscalls[0].action = "SCMP_ACT_KILL") },
  ],
  "linux.seccomp.syscalls[].args[].index": integer(0n, 5n),
  "linux.seccomp.syscalls[].args[].value": u64,
  "linux.seccomp.syscalls[].args[].valueTwo": u64,
  "linux.seccomp.syscalls[].args[].op": word("EQ", "scmp_cmp_eq"),
};

/** Names of the user's choice that are none. */
export const outsideNames: Readonly<Record<string, readonly string[]>> = {
  annotations: [""],
  "linux.sysctl": ["", "kernel.ostype", "fs.file-max", "kernel"],
  "linux.netDevices": ["", "a/b", "..", "x".repeat(16)],
  "linux.timeOffsets": ["", "realtime", "BOOTTIME"],
  "linux.resources.rdma": [""],
  "linux.resources.unified": ["", "memory", "a/b", "memory.high/x"],
};
