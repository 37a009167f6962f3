// The Linux part of runtime-spec 1.3.0 (config.md, config-linux.md) as types. Field names are the spec's.

/** A 64-bit integer: a bigint where a number would lose digits. */
export type Int = number | bigint;

export type Spec = {
  ociVersion?: string;
  root?: { path: string; readonly?: boolean };
  mounts?: Mount[];
  process?: Process;
  hostname?: string;
  domainname?: string;
  hooks?: Hooks;
  annotations?: Record<string, string>;
  linux?: Linux;
};

export type Mount = {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
};

export type IdMapping = { containerID: number; hostID: number; size: number };

export type Process = {
  terminal?: boolean;
  consoleSize?: { height: number; width: number };
  user?: {
    uid?: number;
    gid?: number;
    umask?: number;
    additionalGids?: number[];
    username?: string;
  };
  args?: string[];
  commandLine?: string;
  env?: string[];
  cwd: string;
  capabilities?: Capabilities;
  rlimits?: { type: string; soft: Int; hard: Int }[];
  noNewPrivileges?: boolean;
  apparmorProfile?: string;
  oomScoreAdj?: number;
  selinuxLabel?: string;
  scheduler?: Scheduler;
  ioPriority?: { class: string; priority?: number };
  execCPUAffinity?: { initial?: string; final?: string };
};

export type Capabilities = {
  bounding?: string[];
  effective?: string[];
  inheritable?: string[];
  permitted?: string[];
  ambient?: string[];
};

export type Scheduler = {
  policy: string;
  nice?: number;
  priority?: number;
  flags?: string[];
  runtime?: Int;
  deadline?: Int;
  period?: Int;
};

export type HookName =
  | "prestart"
  | "createRuntime"
  | "createContainer"
  | "startContainer"
  | "poststart"
  | "poststop";
export type Hooks = { [name in HookName]?: Hook[] };
export type Hook = { path: string; args?: string[]; env?: string[]; timeout?: number };

export type NamespaceType =
  | "pid"
  | "network"
  | "mount"
  | "ipc"
  | "uts"
  | "user"
  | "cgroup"
  | "time";

export type Linux = {
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
  sysctl?: Record<string, string>;
  resources?: Resources;
  cgroupsPath?: string;
  namespaces?: { type: NamespaceType; path?: string }[];
  devices?: Device[];
  netDevices?: Record<string, { name?: string }>;
  seccomp?: Seccomp;
  rootfsPropagation?: string;
  maskedPaths?: string[];
  readonlyPaths?: string[];
  mountLabel?: string;
  intelRdt?: {
    closID?: string;
    schemata?: string[];
    l3CacheSchema?: string;
    memBwSchema?: string;
    enableMonitoring?: boolean;
  };
  memoryPolicy?: { mode: string; nodes?: string; flags?: string[] };
  personality?: { domain: string; flags?: string[] };
  timeOffsets?: Record<string, { secs?: Int; nanosecs?: number }>;
};

export type Device = {
  type: string;
  path: string;
  major?: number;
  minor?: number;
  fileMode?: number;
  uid?: number;
  gid?: number;
};

export type DeviceRule = {
  allow: boolean;
  type?: string;
  major?: number;
  minor?: number;
  access?: string;
};

export type Resources = {
  devices?: DeviceRule[];
  memory?: {
    limit?: Int;
    reservation?: Int;
    swap?: Int;
    kernel?: Int;
    kernelTCP?: Int;
    swappiness?: Int;
    disableOOMKiller?: boolean;
    useHierarchy?: boolean;
    checkBeforeUpdate?: boolean;
  };
  cpu?: {
    shares?: Int;
    quota?: Int;
    burst?: Int;
    period?: Int;
    realtimeRuntime?: Int;
    realtimePeriod?: Int;
    cpus?: string;
    mems?: string;
    idle?: Int;
  };
  pids?: { limit?: Int };
  blockIO?: {
    weight?: number;
    leafWeight?: number;
    weightDevice?: { major: number; minor: number; weight?: number; leafWeight?: number }[];
    throttleReadBpsDevice?: Throttle[];
    throttleWriteBpsDevice?: Throttle[];
    throttleReadIOPSDevice?: Throttle[];
    throttleWriteIOPSDevice?: Throttle[];
  };
  hugepageLimits?: { pageSize: string; limit: Int }[];
  network?: { classID?: number; priorities?: { name: string; priority: number }[] };
  rdma?: Record<string, { hcaHandles?: number; hcaObjects?: number }>;
  unified?: Record<string, string>;
};

export type Throttle = { major: number; minor: number; rate: Int };

export type Seccomp = {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[];
  flags?: string[] | null;
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls?: SeccompSyscall[];
};

export type SeccompSyscall = {
  names: string[];
  action: string;
  errnoRet?: number;
  args?: { index: number; value: Int; valueTwo?: Int; op: string }[];
};

declare const validated: unique symbol;
/** A Spec that passed the schema and the rules of the run path: the only thing that can be planned. */
export type ValidSpec = Spec & { readonly [validated]: true };
