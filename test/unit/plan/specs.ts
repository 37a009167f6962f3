// Configurations and hosts that the tests of the plan start from.
import type { HostFacts } from "../../../src/host/facts.ts";
import type { CreatePlanOptions } from "../../../src/plan/create.ts";
import type { Mount, NamespaceType, Spec, ValidSpec } from "../../../src/spec/types.ts";

export const rootFacts: HostFacts = {
  euid: 0,
  egid: 0,
  inUserNamespace: false,
  rootless: false,
  kernel: { major: 6, minor: 12 },
  lastCapability: 40,
  lsm: { apparmor: false, selinux: false },
  cgroup: {
    mode: "unified",
    mountpoint: "/sys/fs/cgroup",
    controllers: ["cpu", "memory", "pids"],
    v1Controllers: [],
    ownPath: "/user.slice",
  },
  kcore: true,
  setgroupsDenied: false,
};

export const userFacts: HostFacts = { ...rootFacts, euid: 1000, egid: 1000, rootless: true };

export const options: CreatePlanOptions = {
  id: "c1",
  bundle: "/bundle",
  start: "fifo",
  noPivot: false,
  noNewKeyring: false,
  preserveFds: 0,
  listenFds: 0,
  seccomp: null,
  cgroupPath: "/sys/fs/cgroup/c1",
};

export const maps = [{ containerID: 0, hostID: 100000, size: 65536 }];

const volatile = ["noexec", "nosuid", "nodev"];

const mounts: Mount[] = [
  { destination: "/proc", type: "proc", source: "proc" },
  {
    destination: "/dev",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
  },
  {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  },
  {
    destination: "/dev/shm",
    type: "tmpfs",
    source: "shm",
    options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
  },
  { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: volatile },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: [...volatile, "ro"] },
  {
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: [...volatile, "relatime", "ro"],
  },
];

const someCapabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

/** As `tsrun spec` writes it, less a few of the paths. */
export function defaultSpec(): Spec {
  return {
    ociVersion: "1.3.0",
    process: {
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/bin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: {
        bounding: someCapabilities,
        effective: someCapabilities,
        permitted: someCapabilities,
      },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "box",
    mounts: structuredClone(mounts),
    linux: {
      namespaces: namespaces("pid", "network", "ipc", "uts", "mount", "cgroup"),
      maskedPaths: ["/proc/acpi", "/proc/keys"],
      readonlyPaths: ["/proc/bus", "/proc/sys"],
    },
  };
}

/** As `tsrun spec --rootless` writes it. */
export function rootlessSpec(): Spec {
  const spec = defaultSpec();
  const sysfs: Mount = {
    destination: "/sys",
    type: "none",
    source: "/sys",
    options: ["rbind", ...volatile, "ro"],
  };
  return {
    ...spec,
    mounts: spec.mounts?.flatMap((mount) => {
      if (mount.type === "sysfs") return [sysfs];
      if (mount.type === "cgroup") return [];
      return [{ ...mount, options: mount.options?.filter((option) => option !== "gid=5") }];
    }),
    linux: {
      ...spec.linux,
      namespaces: namespaces("pid", "ipc", "uts", "mount", "cgroup", "user"),
      uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
      gidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
    },
  };
}

export function namespaces(...types: NamespaceType[]): { type: NamespaceType }[] {
  return types.map((type) => ({ type }));
}

/** The default with something changed. */
export function specWith(change: (spec: Spec) => void, spec: Spec = defaultSpec()): ValidSpec {
  change(spec);
  return valid(spec);
}

/** The tests of the plan vouch for their configurations themselves. */
export function valid(spec: Spec): ValidSpec {
  return spec as ValidSpec;
}
