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
  /** The v2 cgroup of tsrun itself (the 0:: line of /proc/self/cgroup). */
  readonly ownPath: string;
};
