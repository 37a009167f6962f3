import { mkdirSync, writeFileSync } from "node:fs";
import t from "tap";
import { checkConfig } from "../../../src/spec/check.ts";
import { loadSpec } from "../../../src/spec/load.ts";
import { crunAnnotations } from "../../../src/spec/rules/annotations.ts";
import { rules } from "../../../src/spec/rules/index.ts";
import { type Config, config, fixture, write } from "./configs.ts";

type Case = { rule: string; edit: (config: Config) => void; at: string; says?: string };

const joined = (type: string) => ({ type, path: `/proc/1/ns/${type}` });
const mapping = { containerID: 0, hostID: 1000, size: 10 };
const userNamespace = (c: Config): void => {
  c.linux.namespaces.push({ type: "user" });
  c.linux.uidMappings = [mapping];
  c.linux.gidMappings = [mapping];
};
const mount = (fields: object) => (c: Config) =>
  c.mounts.push({ destination: "/a", type: "tmpfs", ...fields });
const bind = (fields: object) => (c: Config) =>
  c.mounts.push({ destination: "/a", source: "/b", options: ["bind"], ...fields });
const process = (fields: object) => (c: Config) => Object.assign(c.process, fields);
const linux = (fields: object) => (c: Config) => Object.assign(c.linux, fields);
const resources = (fields: object) => linux({ resources: fields });
const seccomp = (fields: object) =>
  linux({ seccomp: { defaultAction: "SCMP_ACT_ALLOW", ...fields } });
const syscall = (fields: object) =>
  seccomp({ syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", ...fields }] });
const without = (type: string) => (c: Config) => {
  c.linux.namespaces = c.linux.namespaces.filter(
    (namespace: { type: string }) => namespace.type !== type,
  );
};

const cases: Case[] = [
  { rule: "oci-version", edit: (c) => delete c.ociVersion, at: "/ociVersion", says: "missing" },
  { rule: "oci-version", edit: (c) => (c.ociVersion = "1.0"), at: "/ociVersion", says: "semantic" },
  { rule: "oci-version", edit: (c) => (c.ociVersion = "2.0.0"), at: "/ociVersion" },
  {
    rule: "root-required",
    edit: (c) => delete c.root,
    at: "/root",
    says: "root must be specified",
  },
  { rule: "root-path-empty", edit: (c) => (c.root.path = ""), at: "/root/path" },
  {
    rule: "hostname-needs-uts",
    edit: (c) => (without("uts")(c), (c.hostname = "box")),
    at: "/hostname",
    says: "unable to set hostname without a private UTS namespace",
  },
  {
    rule: "domainname-needs-uts",
    edit: (c) => (without("uts")(c), (c.domainname = "example.com")),
    at: "/domainname",
    says: "unable to set domainname without a private UTS namespace",
  },
  { rule: "hostname-length", edit: (c) => (c.hostname = "é".repeat(33)), at: "/hostname" },
  { rule: "hostname-length", edit: (c) => (c.domainname = "x".repeat(65)), at: "/domainname" },
  {
    rule: "hook-path-absolute",
    edit: (c) => (c.hooks = { poststop: [{ path: "/bin/true" }, { path: "true" }] }),
    at: "/hooks/poststop/1/path",
  },
  {
    rule: "hook-timeout-positive",
    edit: (c) => (c.hooks = { createRuntime: [{ path: "/bin/true", timeout: 0 }] }),
    at: "/hooks/createRuntime/0/timeout",
  },
  {
    rule: "hook-prestart-deprecated",
    edit: (c) => (c.hooks = { prestart: [{ path: "/bin/true" }] }),
    at: "/hooks/prestart",
  },
  { rule: "annotation-key-empty", edit: (c) => (c.annotations = { "": "x" }), at: "/annotations/" },
  ...crunAnnotationCases(),

  {
    rule: "mount-destination-empty",
    edit: mount({ destination: "" }),
    at: "/mounts/0/destination",
  },
  {
    rule: "mount-destination-absolute",
    edit: mount({ destination: "tmp" }),
    at: "/mounts/0/destination",
    says: "mount destination tmp is not absolute",
  },
  {
    rule: "mount-destination-duplicate",
    edit: (c) => (mount({})(c), mount({ destination: "/a/" })(c)),
    at: "/mounts/1/destination",
  },
  {
    rule: "mount-bind-data",
    edit: bind({ options: ["rbind", "ro", "nosiud"] }),
    at: "/mounts/0/options/2",
    says: "bind mounts cannot have any filesystem-specific options applied",
  },
  {
    rule: "mount-bind-ignored",
    edit: bind({ options: ["rbind", "ro", "size=1m"] }),
    at: "/mounts/0/options/2",
    says: "is ignored",
  },
  {
    rule: "mount-option-spelling",
    edit: mount({ options: ["NOSUID"] }),
    at: "/mounts/0/options/0",
  },
  { rule: "mount-bind-source", edit: bind({ source: "" }), at: "/mounts/0/source" },
  { rule: "mount-type-required", edit: mount({ type: undefined }), at: "/mounts/0/type" },
  {
    rule: "mount-idmap-both",
    edit: bind({ options: ["bind", "idmap"], uidMappings: [mapping] }),
    at: "/mounts/0/gidMappings",
    says: "id-mapped mounts must have both uid and gid mappings specified",
  },
  {
    rule: "mount-idmap-source",
    edit: mount({ options: ["idmap"], uidMappings: [mapping], gidMappings: [mapping] }),
    at: "/mounts/0",
    says: "id-mapped mounts are only supported for bind-mounts",
  },
  {
    rule: "mount-idmap-mappings",
    edit: bind({ options: ["bind", "ridmap"] }),
    at: "/mounts/0/options",
  },
  {
    rule: "mount-idmap-option",
    edit: bind({ uidMappings: [mapping], gidMappings: [mapping] }),
    at: "/mounts/0/uidMappings",
  },

  {
    rule: "process-required",
    edit: (c) => delete c.process,
    at: "/process",
    says: "without a process, the container cannot be started",
  },
  {
    rule: "cwd-absolute",
    edit: process({ cwd: "tmp" }),
    at: "/process/cwd",
    says: "Cwd must be an absolute path",
  },
  {
    rule: "cwd-absolute",
    edit: (c) => delete c.process.cwd,
    at: "/process/cwd",
    says: "Cwd property must not be empty",
  },
  {
    rule: "args-required",
    edit: process({ args: [] }),
    at: "/process/args",
    says: "args must not be empty",
  },
  {
    rule: "env-assignment",
    edit: process({ env: ["A=1", "B"] }),
    at: "/process/env/1",
    says: "invalid environment variable: missing '='",
  },
  { rule: "env-assignment", edit: process({ env: ["=1"] }), at: "/process/env/0" },
  { rule: "env-duplicate", edit: process({ env: ["A=1", "B=2", "A=3"] }), at: "/process/env/2" },
  {
    rule: "console-size-without-terminal",
    edit: process({ consoleSize: { height: 24, width: 80 } }),
    at: "/process/consoleSize",
  },
  { rule: "windows-only", edit: process({ commandLine: "cmd" }), at: "/process/commandLine" },
  {
    rule: "windows-only",
    edit: process({ user: { username: "me" } }),
    at: "/process/user/username",
  },
  { rule: "umask-range", edit: process({ user: { umask: 512 } }), at: "/process/user/umask" },
  {
    rule: "rlimit-duplicate",
    edit: process({ rlimits: [1, 2].map((n) => ({ type: "RLIMIT_CORE", soft: n, hard: n })) }),
    at: "/process/rlimits/1/type",
  },
  {
    rule: "rlimit-soft-above-hard",
    edit: process({
      rlimits: [{ type: "RLIMIT_CORE", soft: 2n ** 64n - 1n, hard: 2n ** 64n - 2n }],
    }),
    at: "/process/rlimits/0/soft",
  },
  {
    rule: "capability-unknown",
    edit: process({ capabilities: { bounding: ["CAP_CHOWN", "chown"] } }),
    at: "/process/capabilities/bounding/1",
  },
  {
    rule: "capability-subset",
    edit: process({ capabilities: { effective: ["CAP_CHOWN"], permitted: ["CAP_KILL"] } }),
    at: "/process/capabilities/effective/0",
  },
  {
    rule: "capability-ambient",
    edit: process({ capabilities: { ambient: ["CAP_KILL"], permitted: ["CAP_KILL"] } }),
    at: "/process/capabilities/ambient/0",
  },
  { rule: "oom-score-range", edit: process({ oomScoreAdj: 1001 }), at: "/process/oomScoreAdj" },
  {
    rule: "scheduler-nice",
    edit: process({ scheduler: { policy: "SCHED_BATCH", nice: 20 } }),
    at: "/process/scheduler/nice",
    says: "invalid scheduler.nice: 20 when scheduler.policy is SCHED_BATCH",
  },
  {
    rule: "scheduler-priority",
    edit: process({ scheduler: { policy: "SCHED_OTHER", priority: 1 } }),
    at: "/process/scheduler/priority",
  },
  {
    rule: "scheduler-priority",
    edit: process({ scheduler: { policy: "SCHED_FIFO" } }),
    at: "/process/scheduler/priority",
  },
  {
    rule: "scheduler-deadline",
    edit: process({ scheduler: { policy: "SCHED_OTHER", deadline: 2n ** 60n } }),
    at: "/process/scheduler/deadline",
  },
  {
    rule: "io-priority-range",
    edit: process({ ioPriority: { class: "IOPRIO_CLASS_BE", priority: 8 } }),
    at: "/process/ioPriority/priority",
    says: "invalid ioPriority.Priority: 8",
  },
  {
    rule: "io-priority-required",
    edit: process({ ioPriority: { class: "IOPRIO_CLASS_BE" } }),
    at: "/process/ioPriority/priority",
  },
  {
    rule: "cpu-affinity-list",
    edit: process({ execCPUAffinity: { initial: "0-3,7", final: "3-1" } }),
    at: "/process/execCPUAffinity/final",
  },

  {
    rule: "namespace-duplicate",
    edit: (c) => c.linux.namespaces.push({ type: "pid" }),
    at: "/linux/namespaces/5/type",
    says: "malformed spec file: duplicated ns",
  },
  {
    rule: "namespace-path-absolute",
    edit: (c) => (c.linux.namespaces[4].path = "run/netns/x"),
    at: "/linux/namespaces/4/path",
  },
  {
    rule: "user-namespace-needs-mappings",
    edit: (c) => (userNamespace(c), delete c.linux.gidMappings),
    at: "/linux/gidMappings",
    says: "user namespaces enabled, but no gid mappings found",
  },
  {
    rule: "mappings-need-user-namespace",
    edit: linux({ uidMappings: [mapping] }),
    at: "/linux/uidMappings",
    says: "user namespace mappings specified, but user namespace isn't enabled in the config",
  },
  {
    rule: "mappings-and-path",
    edit: (c) => (userNamespace(c), (c.linux.namespaces[5] = joined("user"))),
    at: "/linux/uidMappings",
  },
  {
    rule: "mapping-range",
    edit: (c) => (userNamespace(c), (c.linux.uidMappings = [{ ...mapping, size: 0 }])),
    at: "/linux/uidMappings/0/size",
  },
  {
    rule: "mapping-range",
    edit: (c) => (userNamespace(c), (c.linux.gidMappings = [{ ...mapping, size: 4294967295 }])),
    at: "/linux/gidMappings/0/size",
  },
  {
    rule: "mapping-count",
    edit: (c) => {
      userNamespace(c);
      c.linux.gidMappings = Array.from({ length: 341 }, (_, index) => ({
        containerID: index * 2,
        hostID: 1000 + index * 2,
        size: 1,
      }));
    },
    at: "/linux/gidMappings",
    says: "has 341 entries; the kernel takes 340",
  },
  {
    rule: "mapping-overlap",
    edit: (c) => {
      userNamespace(c);
      c.linux.uidMappings.push({ containerID: 9, hostID: 5000, size: 1 });
    },
    at: "/linux/uidMappings/1/containerID",
  },
  {
    rule: "time-offsets-need-time-namespace",
    edit: linux({ timeOffsets: { boottime: { secs: 1 } } }),
    at: "/linux/timeOffsets",
    says: "time namespace offsets specified, but time namespace isn't enabled in the config",
  },
  {
    rule: "time-offsets-need-time-namespace",
    edit: (c) => {
      c.linux.namespaces.push(joined("time"));
      c.linux.timeOffsets = { boottime: { secs: 1 } };
    },
    at: "/linux/timeOffsets",
  },
  {
    rule: "time-offset-clock",
    edit: (c) => {
      c.linux.namespaces.push({ type: "time" });
      c.linux.timeOffsets = { realtime: { secs: 1 } };
    },
    at: "/linux/timeOffsets/realtime",
  },
  {
    rule: "time-offset-clock",
    edit: (c) => {
      c.linux.namespaces.push({ type: "time" });
      c.linux.timeOffsets = { boottime: { nanosecs: 1_000_000_000 } };
    },
    at: "/linux/timeOffsets/boottime/nanosecs",
  },
  {
    rule: "net-devices-need-network-namespace",
    edit: (c) => (without("network")(c), (c.linux.netDevices = { eth0: {} })),
    at: "/linux/netDevices",
    says: "unable to move network devices without a NET namespace",
  },
  {
    rule: "net-device-name",
    edit: linux({ netDevices: { eth0: { name: "a/b" } } }),
    at: "/linux/netDevices/eth0/name",
    says: "invalid network device name",
  },
  {
    rule: "net-device-name",
    edit: linux({ netDevices: { "name-of-16-bytes": {} } }),
    at: "/linux/netDevices/name-of-16-bytes",
  },

  {
    rule: "device-path-absolute",
    edit: linux({ devices: [{ type: "p", path: "dev/x" }] }),
    at: "/linux/devices/0/path",
  },
  {
    rule: "device-number-required",
    edit: linux({ devices: [{ type: "c", path: "/dev/x", major: 1 }] }),
    at: "/linux/devices/0/minor",
  },
  {
    rule: "device-number-range",
    edit: linux({ devices: [{ type: "b", path: "/dev/x", major: 4096, minor: 0 }] }),
    at: "/linux/devices/0/major",
  },
  {
    rule: "device-duplicate",
    edit: linux({
      devices: ["/dev/x", "/dev/y"].map((path) => ({ type: "c", path, major: 1, minor: 3 })),
    }),
    at: "/linux/devices/1",
  },
  {
    rule: "paths-need-mount-namespace",
    edit: (c) => (without("mount")(c), (c.linux.maskedPaths = ["/proc/kcore"])),
    at: "/linux/maskedPaths",
    says: "unable to restrict sys entries without a private MNT namespace",
  },
  {
    rule: "paths-absolute",
    edit: linux({ readonlyPaths: ["/proc/sys", "proc/bus"] }),
    at: "/linux/readonlyPaths/1",
  },
  {
    rule: "sysctl-namespaced",
    edit: linux({ sysctl: { "kernel.panic": "1" } }),
    at: "/linux/sysctl/kernel.panic",
    says: 'sysctl "kernel.panic" is not in a separate kernel namespace',
  },
  {
    rule: "sysctl-namespaced",
    edit: (c) => (without("network")(c), (c.linux.sysctl = { "net/ipv4/ip_forward": "1" })),
    at: "/linux/sysctl/net~1ipv4~1ip_forward",
    says: "not allowed in host network namespace",
  },
  {
    rule: "sysctl-namespaced",
    edit: (c) => (without("ipc")(c), (c.linux.sysctl = { "fs.mqueue.msg_max": "1" })),
    at: "/linux/sysctl/fs.mqueue.msg_max",
    says: "is not allowed in the hosts ipc namespace",
  },
  {
    rule: "sysctl-namespaced",
    edit: linux({ sysctl: { "kernel.hostname": "x" } }),
    at: "/linux/sysctl/kernel.hostname",
    says: "conflicts with the OCI",
  },
  {
    rule: "sysctl-namespaced",
    edit: linux({ sysctl: { "user.max_user_namespaces": "1" } }),
    at: "/linux/sysctl/user.max_user_namespaces",
    says: "setting ucounts without a user namespace not allowed",
  },
  {
    rule: "intel-rdt-clos-id",
    edit: linux({ intelRdt: { closID: "a/b" } }),
    at: "/linux/intelRdt/closID",
    says: "invalid intelRdt.ClosID",
  },
  {
    rule: "intel-rdt-schema",
    edit: linux({ intelRdt: { memBwSchema: "L3:0=20" } }),
    at: "/linux/intelRdt/memBwSchema",
  },
  {
    rule: "intel-rdt-schema",
    edit: linux({ intelRdt: { schemata: ["L3:0=f", "L3:0=f\nMB:0=20"] } }),
    at: "/linux/intelRdt/schemata/1",
  },
  {
    rule: "memory-policy-nodes",
    edit: linux({ memoryPolicy: { mode: "MPOL_BIND" } }),
    at: "/linux/memoryPolicy/nodes",
    says: "memory policy mode requires at least one node but got 0",
  },
  {
    rule: "memory-policy-nodes",
    edit: linux({ memoryPolicy: { mode: "MPOL_LOCAL", nodes: "0" } }),
    at: "/linux/memoryPolicy/nodes",
  },
  {
    rule: "memory-policy-nodes",
    edit: linux({ memoryPolicy: { mode: "MPOL_BIND", nodes: "0-" } }),
    at: "/linux/memoryPolicy/nodes",
    says: "invalid memory policy nodes",
  },
  {
    rule: "personality-flags",
    edit: linux({ personality: { domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"] } }),
    at: "/linux/personality/flags",
  },
  { rule: "other-platform", edit: (c) => (c.windows = { layerFolders: [] }), at: "/windows" },

  {
    rule: "device-rule-access",
    edit: resources({ devices: [{ allow: true, access: "rwm" }, { allow: false }] }),
    at: "/linux/resources/devices/1/access",
    says: "device access at 1 field cannot be empty",
  },
  {
    rule: "device-rule-access",
    edit: resources({ devices: [{ allow: true, access: "rx" }] }),
    at: "/linux/resources/devices/0/access",
  },
  {
    rule: "device-rule-denied-access",
    edit: resources({ devices: [{ allow: false, access: "rwa" }] }),
    at: "/linux/resources/devices/0/access",
  },
  {
    rule: "memory-limit-negative",
    edit: resources({ memory: { limit: -2 } }),
    at: "/linux/resources/memory/limit",
  },
  {
    rule: "memory-swap-below-limit",
    edit: resources({ memory: { limit: 2, swap: 1 } }),
    at: "/linux/resources/memory/swap",
  },
  {
    rule: "memory-swap-below-limit",
    edit: resources({ memory: { swap: 1 } }),
    at: "/linux/resources/memory/swap",
  },
  {
    rule: "memory-kernel-deprecated",
    edit: resources({ memory: { kernel: 4096 } }),
    at: "/linux/resources/memory/kernel",
    says: "Kernel memory settings are ignored and will be removed",
  },
  {
    rule: "memory-swappiness-range",
    edit: resources({ memory: { swappiness: 101 } }),
    at: "/linux/resources/memory/swappiness",
  },
  {
    rule: "cgroup-v1-only",
    edit: resources({ cpu: { realtimePeriod: 1000 } }),
    at: "/linux/resources/cpu/realtimePeriod",
  },
  {
    rule: "cgroup-v1-only",
    edit: resources({ network: { classID: 1 } }),
    at: "/linux/resources/network",
  },
  {
    rule: "cpu-burst-above-quota",
    edit: resources({ cpu: { quota: 10, burst: 11 } }),
    at: "/linux/resources/cpu/burst",
  },
  { rule: "cpu-list", edit: resources({ cpu: { cpus: "0,a" } }), at: "/linux/resources/cpu/cpus" },
  { rule: "cpu-idle", edit: resources({ cpu: { idle: 2 } }), at: "/linux/resources/cpu/idle" },
  {
    rule: "blkio-weight-range",
    edit: resources({ blockIO: { weight: 9 } }),
    at: "/linux/resources/blockIO/weight",
  },
  {
    rule: "blkio-weight-range",
    edit: resources({ blockIO: { weightDevice: [{ major: 8, minor: 0, weight: 1001 }] } }),
    at: "/linux/resources/blockIO/weightDevice/0/weight",
  },
  {
    rule: "blkio-weight-device",
    edit: resources({ blockIO: { weightDevice: [{ major: 8, minor: 0 }] } }),
    at: "/linux/resources/blockIO/weightDevice/0",
  },
  {
    rule: "hugepage-size",
    edit: resources({ hugepageLimits: [{ pageSize: "2M", limit: 0 }] }),
    at: "/linux/resources/hugepageLimits/0/pageSize",
  },
  {
    rule: "hugepage-duplicate",
    edit: resources({ hugepageLimits: [1, 2].map((limit) => ({ pageSize: "2MB", limit })) }),
    at: "/linux/resources/hugepageLimits/1/pageSize",
  },
  {
    rule: "rdma-limit",
    edit: resources({ rdma: { mlx5_1: {} } }),
    at: "/linux/resources/rdma/mlx5_1",
  },
  {
    rule: "unified-key",
    edit: resources({ unified: { "a/memory.high": "1" } }),
    at: "/linux/resources/unified/a~1memory.high",
    says: "must be a file name (no slashes)",
  },
  {
    rule: "unified-key",
    edit: resources({ unified: { memory: "1" } }),
    at: "/linux/resources/unified/memory",
    says: "must be in the form CONTROLLER.PARAMETER",
  },

  {
    rule: "seccomp-errno-ret",
    edit: syscall({ errnoRet: 1 }),
    at: "/linux/seccomp/syscalls/0/errnoRet",
  },
  {
    rule: "seccomp-errno-ret",
    edit: seccomp({ defaultErrnoRet: 38 }),
    at: "/linux/seccomp/defaultErrnoRet",
  },
  {
    rule: "seccomp-errno-ret",
    edit: syscall({ action: "SCMP_ACT_ERRNO", errnoRet: 5000 }),
    at: "/linux/seccomp/syscalls/0/errnoRet",
  },
  {
    rule: "seccomp-names-required",
    edit: syscall({ names: [] }),
    at: "/linux/seccomp/syscalls/0/names",
  },
  {
    rule: "seccomp-arg-index",
    edit: syscall({ args: [{ index: 6, value: 0, op: "SCMP_CMP_EQ" }] }),
    at: "/linux/seccomp/syscalls/0/args/0/index",
  },
  {
    rule: "seccomp-arg-value-two",
    edit: syscall({ args: [{ index: 0, value: 0, valueTwo: 1, op: "SCMP_CMP_EQ" }] }),
    at: "/linux/seccomp/syscalls/0/args/0/valueTwo",
  },
  {
    rule: "seccomp-notify-default",
    edit: seccomp({ defaultAction: "SCMP_ACT_NOTIFY" }),
    at: "/linux/seccomp/defaultAction",
    says: "SCMP_ACT_NOTIFY cannot be used as default action",
  },
  {
    rule: "seccomp-notify-write",
    edit: seccomp({
      listenerPath: "/run/agent",
      syscalls: [{ names: ["read", "write"], action: "SCMP_ACT_NOTIFY" }],
    }),
    at: "/linux/seccomp/syscalls/0/names/1",
    says: "SCMP_ACT_NOTIFY cannot be used for the write syscall",
  },
  {
    rule: "seccomp-notify-listener",
    edit: syscall({ action: "SCMP_ACT_NOTIFY" }),
    at: "/linux/seccomp/listenerPath",
    says: "seccomp listenerPath is not set",
  },
  {
    rule: "seccomp-listener-metadata",
    edit: seccomp({ listenerMetadata: "x" }),
    at: "/linux/seccomp/listenerMetadata",
  },
  {
    rule: "seccomp-architecture-duplicate",
    edit: seccomp({ architectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X86"] }),
    at: "/linux/seccomp/architectures/1",
  },
  {
    rule: "hook-env-assignment",
    edit: (c) => (c.hooks = { poststop: [{ path: "/bin/true", env: ["A=b", "B"] }] }),
    at: "/hooks/poststop/0/env/1",
  },
  {
    rule: "id-reserved",
    edit: process({ user: { uid: 0, gid: 4294967295 } }),
    at: "/process/user/gid",
  },
  {
    rule: "device-file-mode",
    edit: linux({ devices: [{ type: "p", path: "/dev/a", fileMode: 65536 }] }),
    at: "/linux/devices/0/fileMode",
  },
  {
    rule: "device-owner",
    edit: linux({ devices: [{ type: "p", path: "/dev/a", uid: 4294967295 }] }),
    at: "/linux/devices/0/uid",
  },
  {
    rule: "device-rule-number",
    edit: resources({ devices: [{ allow: true, type: "c", major: -2, access: "r" }] }),
    at: "/linux/resources/devices/0/major",
  },
  {
    rule: "blkio-device-number",
    edit: resources({ blockIO: { weightDevice: [{ major: 8, minor: -1, weight: 10 }] } }),
    at: "/linux/resources/blockIO/weightDevice/0/minor",
  },
  {
    rule: "network-name",
    edit: resources({ network: { priorities: [{ name: "", priority: 1 }] } }),
    at: "/linux/resources/network/priorities/0/name",
  },
];

t.test("the configuration that the cases start from has nothing to find", async (t) => {
  t.strictSame(checkConfig(write(config()), "config.json"), []);
});

t.test("each rule finds what it is about, at its place, and create does as it says", async (t) => {
  const bundle = t.testdir();
  for (const [index, { rule, edit, at, says }] of cases.entries()) {
    const text = write(config(edit));
    const name = `${rule} at ${at}`;
    const found = checkConfig(text, "config.json").filter((issue) => issue.rule === rule);
    const issue = found.find(({ pointer }) => pointer === at);
    t.ok(issue, `${name}: found, among ${JSON.stringify(found.map(({ pointer }) => pointer))}`);
    const { create, severity } = rules.find(({ id }) => id === rule)!;
    t.equal(issue?.severity, severity, `${name}: ${severity}`);
    t.ok((issue?.line ?? 0) > 0 && (issue?.column ?? 0) > 0, `${name}: has a position`);
    const allowed = issue?.expected ?? issue?.hint;
    t.ok(severity === "warning" || allowed, `${name}: says what is allowed`);
    if (says) t.match(issue?.message, says, `${name}: the message`);
    const directory = `${bundle}/${index}`;
    mkdirSync(directory);
    writeFileSync(`${directory}/config.json`, text);
    if (create === "refuse") {
      t.throws(() => loadSpec(directory), { code: "CONFIG_INVALID" }, `${name}: create refuses`);
    } else {
      const warned = loadSpec(directory).warnings.some((warning) => warning.rule === rule);
      t.equal(warned, create === "warn", `${name}: create ${create}s`);
    }
  }
});

t.test("every rule has a case", async (t) => {
  const tested = new Set(cases.map(({ rule }) => rule));
  t.strictSame(
    rules.map(({ id }) => id).filter((id) => !tested.has(id)),
    [],
  );
  t.equal(new Set(rules.map(({ id }) => id)).size, rules.length, "ids are different");
});

t.test("what is fine is not found fault with", async (t) => {
  const fine: [string, (config: Config) => void][] = [
    ["any 1.x version", (c) => (c.ociVersion = "1.0.2-dev")],
    ["mappings with their namespace", userNamespace],
    [
      "idmap with the mappings of the container",
      (c) => (userNamespace(c), bind({ options: ["bind", "idmap"] })(c)),
    ],
    ["data of a file system", mount({ options: ["size=64k", "mode=755", "nosuid"] })],
    ["a change of propagation alone", mount({ type: "", options: ["rprivate"] })],
    [
      "sysctls of own namespaces",
      linux({ sysctl: { "net.core.somaxconn": "1", "kernel.shmmax": "1" } }),
    ],
    ["no limit", resources({ memory: { limit: -1, swap: -1 } })],
    ["the root of resctrl", linux({ intelRdt: { closID: "/" } })],
    [
      "all bits of an id",
      (c) => {
        userNamespace(c);
        c.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 4294967295 }];
      },
    ],
    [
      "masked comparison",
      syscall({ args: [{ index: 5, value: 1, valueTwo: 2, op: "SCMP_CMP_MASKED_EQ" }] }),
    ],
  ];
  for (const [name, edit] of fine)
    t.strictSame(checkConfig(write(config(edit)), "config.json"), [], name);
});

t.test("configurations of engines are fine for validate and create", async (t) => {
  for (const name of ["containerd", "docker", "podman", "runc-spec"]) {
    const bundle = t.testdir({ "config.json": fixture(name) });
    t.strictSame(loadSpec(bundle).warnings, [], `${name}: create has nothing to say`);
    const errors = checkConfig(fixture(name), "config.json").filter(
      ({ severity }) => severity === "error",
    );
    t.strictSame(errors, [], `${name}: no errors`);
  }
});

function crunAnnotationCases(): Case[] {
  const annotation = (rule: string, name: string, value: string): Case => ({
    rule,
    edit: (c) => (c.annotations = { [name]: value }),
    at: `/annotations/${name}`,
  });
  const refused = Object.entries(crunAnnotations).filter(([, fate]) => fate === "refused");
  return [
    ...refused.map(([name]) => annotation("annotation-crun-unsupported", name, "x")),
    ...Object.entries({
      "run.oci.mount_context_type": "other",
      "run.oci.seccomp.receiver": "agent.sock",
      "run.oci.pidfd_receiver": "pidfd.sock",
      "run.oci.seccomp_bpf_data": "AAAA",
    }).map(([name, value]) => annotation("annotation-crun-value", name, value)),
    annotation("annotation-crun-handler", "run.oci.handler", "krun"),
  ];
}

t.test("crun's other annotations are let through", async (t) => {
  const followed = {
    "run.oci.mount_context_type": "rootcontext",
    "run.oci.seccomp.receiver": "/agent.sock",
    "run.oci.pidfd_receiver": "/pidfd.sock",
    "run.oci.seccomp_bpf_data": "BgAAAAAA/38=",
    "run.oci.systemd.subgroup": "",
    "run.oci.something-else": "x",
  };
  t.strictSame(checkConfig(write(config((c) => (c.annotations = followed))), "config.json"), []);
});
