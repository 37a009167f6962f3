import { accessSync, constants, readFileSync } from "node:fs";
import { posix } from "node:path";

/** Where cgroup v2 is on this host. */
export type CgroupLayout = {
  /** unified: v2 alone; hybrid: v1 controllers with a v2 tree beside them; none: no v2 tree mounted. */
  readonly mode: "unified" | "hybrid" | "none";
  /** Mount point of the v2 tree, e.g. /sys/fs/cgroup or /sys/fs/cgroup/unified; "" when none. */
  readonly mountpoint: string;
  /** Controllers of the v2 root (cgroup.controllers). */
  readonly controllers: readonly string[];
  /** Controllers that a v1 hierarchy holds; a limit that needs one of these cannot be set on v2. */
  readonly v1Controllers: readonly string[];
  /** The v2 cgroup of tsrun itself (the 0:: line of /proc/self/cgroup), as a path below the mount point. */
  readonly ownPath: string;
  /** false: as this user no cgroup can be made beside tsrun's own. Always true for the real root. */
  readonly writable?: boolean;
};

/** What /proc/self/mountinfo says of cgroup mounts. */
export type CgroupMounts = {
  readonly v2: { readonly mountpoint: string; readonly root: string } | null;
  readonly v1Controllers: readonly string[];
};

/** Reads the layout of this host. */
export function readLayout(): CgroupLayout {
  const mounts = parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
  if (mounts.v2 === null) return describeLayout(mounts, "", "");
  const layout = describeLayout(
    mounts,
    readFileSync("/proc/self/cgroup", "utf8"),
    readFileSync(`${mounts.v2.mountpoint}/cgroup.controllers`, "utf8"),
  );
  return process.geteuid!() === 0 && mayWrite(layout.mountpoint)
    ? layout
    : { ...layout, writable: mayWrite(layout.mountpoint + posix.dirname(layout.ownPath)) };
}

/** The directory of the v2 cgroup that a process is in. */
export function cgroupOfProcess(pid: number): string {
  const { v2 } = parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
  const path = parseOwnPath(readFileSync(`/proc/${pid}/cgroup`, "utf8"));
  return (v2?.mountpoint ?? "") + belowRoot(path, v2?.root ?? "/");
}

/** The layout from the three texts that it shows in. */
export function describeLayout(
  mounts: CgroupMounts,
  selfCgroup: string,
  controllers: string,
): CgroupLayout {
  const { v2, v1Controllers } = mounts;
  return {
    mode: v2 === null ? "none" : v1Controllers.length === 0 ? "unified" : "hybrid",
    mountpoint: v2?.mountpoint ?? "",
    controllers: words(controllers),
    v1Controllers,
    ownPath: belowRoot(parseOwnPath(selfCgroup), v2?.root ?? "/"),
    writable: true,
  };
}

/** Finds the v2 mount (the first one, which is the shortest path of the usual layouts) and the v1 controllers. */
export function parseMountinfo(text: string): CgroupMounts {
  let v2: CgroupMounts["v2"] = null;
  const v1 = new Set<string>();
  // Only a few of perhaps thousands of lines matter: look for the type first, split those lines alone.
  for (let at = text.indexOf(" - cgroup"); at !== -1; at = text.indexOf(" - cgroup", at + 9)) {
    const start = text.lastIndexOf("\n", at) + 1;
    const end = text.indexOf("\n", at);
    const [, , , root, mountpoint] = text.slice(start, at).split(" ");
    const [type, , superOptions] = text.slice(at + 3, end === -1 ? undefined : end).split(" ");
    if (type === "cgroup2") v2 ??= { mountpoint: unescape(mountpoint!), root: unescape(root!) };
    else if (type === "cgroup") for (const name of v1Names(superOptions ?? "")) v1.add(name);
  }
  return { v2, v1Controllers: [...v1] };
}

/** The first mount point of a file system of this type in mountinfo. */
export function mountpointOf(type: string, mountinfo: string): string | undefined {
  const at = mountinfo.indexOf(` - ${type} `);
  if (at === -1) return undefined;
  const start = mountinfo.lastIndexOf("\n", at) + 1;
  const [, , , , mountpoint] = mountinfo.slice(start, at).split(" ");
  return unescape(mountpoint!);
}

/** The v2 path in /proc/PID/cgroup; "/" when there is no such line. */
export function parseOwnPath(text: string): string {
  const line = text.split("\n").find((candidate) => candidate.startsWith("0::"));
  return line?.slice(3).replace(/ \(deleted\)$/, "") || "/";
}

const v1ControllerNames = new Set([
  "blkio",
  "cpu",
  "cpuacct",
  "cpuset",
  "devices",
  "freezer",
  "hugetlb",
  "memory",
  "misc",
  "net_cls",
  "net_prio",
  "perf_event",
  "pids",
  "rdma",
]);

function v1Names(superOptions: string): string[] {
  return superOptions.split(",").filter((name) => v1ControllerNames.has(name));
}

/** A mount can show a part of the tree only (root is not "/"): paths below it are what can be opened. */
function belowRoot(path: string, root: string): string {
  if (root === "/" || root === "") return path;
  return path === root ? "/" : path.startsWith(`${root}/`) ? path.slice(root.length) : path;
}

/** mountinfo writes space, tab, newline and backslash as \040 and the like. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(parseInt(octal, 8)),
  );
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
