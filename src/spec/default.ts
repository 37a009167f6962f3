// What `tsrun spec` writes: the configuration that runc writes on a host with cgroup v2, field for field and in its order.
import type { Linux, Mount, Spec } from "./types.ts";
import { ociVersions } from "./tables.ts";

export type Ids = { readonly uid: number; readonly gid: number };

/** A configuration to start from; `rootless` makes it one for the ordinary user with these ids. */
export function defaultSpec(rootless: boolean, ids: Ids): Spec {
  const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
  return {
    ociVersion: ociVersions.max,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    // Known to scripts and tests of callers.
    hostname: "runc",
    mounts: rootless ? defaultMounts().map(forUser) : defaultMounts(),
    linux: rootless ? userLinux(ids) : { ...rootLinux, ...paths },
  };
}

function defaultMounts(): Mount[] {
  const guarded = ["nosuid", "noexec", "nodev"];
  return [
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
      options: [...guarded, "mode=1777", "size=65536k"],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: guarded },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: [...guarded, "ro"] },
    {
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: [...guarded, "relatime", "ro"],
    },
  ];
}

const rootLinux: Linux = {
  resources: { devices: [{ allow: false, access: "rwm" }] },
  namespaces: [
    { type: "pid" },
    { type: "network" },
    { type: "ipc" },
    { type: "uts" },
    { type: "mount" },
    { type: "cgroup" },
  ],
};

const paths: Linux = {
  maskedPaths: [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
    "/proc/scsi",
  ],
  readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
};

// The network of the host stays, so a sysfs cannot be mounted; one id of the user is all there is.
function userLinux({ uid, gid }: Ids): Linux {
  const namespaces = (rootLinux.namespaces ?? []).filter(({ type }) => type !== "network");
  return {
    uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
    namespaces: [...namespaces, { type: "user" }],
    ...paths,
  };
}

function forUser(mount: Mount): Mount {
  if (mount.destination === "/sys") {
    const options = ["rbind", "nosuid", "noexec", "nodev", "ro"];
    return { destination: "/sys", type: "none", source: "/sys", options };
  }
  if (mount.options === undefined) return mount;
  return { ...mount, options: mount.options.filter((option) => !/^[ug]id=/.test(option)) };
}
