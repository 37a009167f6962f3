import { defaultSpec } from "../unit/plan/specs.ts";

const hook = { path: "/bin/true", args: ["true"], env: ["A=b"], timeout: 5 };
const throttle = { major: 8, minor: 0, rate: 1000 };
const base = defaultSpec();

/** A configuration that has every field there is, for mutations to begin with. */
export const everyField = {
  ...base,
  domainname: "example.org",
  annotations: { "org.example.key": "value", "run.oci.keep_original_groups": "1" },
  hooks: {
    prestart: [hook],
    createRuntime: [hook],
    createContainer: [hook],
    startContainer: [hook],
    poststart: [hook],
    poststop: [hook],
  },
  process: {
    ...base.process,
    terminal: true,
    consoleSize: { height: 24, width: 80 },
    user: { uid: 1000, gid: 1000, umask: 0o22, additionalGids: [5, 6] },
    capabilities: {
      ...base.process?.capabilities,
      inheritable: ["CAP_KILL"],
      ambient: ["CAP_KILL"],
    },
    oomScoreAdj: 100,
    scheduler: { policy: "SCHED_DEADLINE", runtime: 1000, deadline: 2000, period: 3000, flags: [] },
    ioPriority: { class: "IOPRIO_CLASS_BE", priority: 4 },
    execCPUAffinity: { initial: "0-1", final: "0,1" },
  },
  mounts: [
    ...(base.mounts ?? []),
    { destination: "/data", type: "bind", source: "/srv", options: ["rbind", "rslave", "rro"] },
    { destination: "/own", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "size=1m"] },
  ],
  linux: {
    ...base.linux,
    namespaces: ["pid", "network", "ipc", "uts", "mount", "cgroup", "user", "time"].map((type) => ({
      type,
    })),
    sysctl: { "net.ipv4.ip_forward": "1", "kernel/domainname": "x" },
    cgroupsPath: "/a/b",
    devices: [
      { type: "c", path: "/dev/fuse", major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 },
      { type: "p", path: "/dev/pipe" },
    ],
    netDevices: { eth1: { name: "eth0" } },
    rootfsPropagation: "rslave",
    personality: { domain: "LINUX32", flags: [] },
    memoryPolicy: { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] },
    timeOffsets: { monotonic: { secs: 10, nanosecs: 5 } },
    seccomp: {
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 1,
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
      flags: ["SECCOMP_FILTER_FLAG_LOG"],
      syscalls: [
        {
          names: ["read", "write"],
          action: "SCMP_ACT_ALLOW",
          args: [{ index: 0, value: 1, valueTwo: 2, op: "SCMP_CMP_MASKED_EQ" }],
        },
      ],
    },
    resources: {
      devices: [
        { allow: false, access: "rwm" },
        { allow: true, type: "c", major: 1, minor: 3 },
      ],
      memory: { limit: 1 << 28, reservation: 1 << 27, swap: 1 << 29, swappiness: 10 },
      cpu: { shares: 1024, quota: 10_000, period: 100_000, cpus: "0", mems: "0", idle: 0 },
      pids: { limit: 100 },
      blockIO: {
        weight: 100,
        weightDevice: [{ major: 8, minor: 0, weight: 10 }],
        throttleReadBpsDevice: [throttle],
      },
      hugepageLimits: [{ pageSize: "2MB", limit: 9 }],
      network: { classID: 1, priorities: [{ name: "lo", priority: 1 }] },
      rdma: { mlx: { hcaHandles: 3 } },
      unified: { "memory.high": "max" },
    },
  },
};
