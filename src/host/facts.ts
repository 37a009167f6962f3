import type { CgroupLayout } from "../cgroup/layout.ts";

/** What the host is like, read once per command; the plan depends on nothing else about the host. */
export type HostFacts = {
  readonly euid: number;
  readonly egid: number;
  /** tsrun itself runs in a user namespace other than the initial one. */
  readonly inUserNamespace: boolean;
  /** Not the real root: no right to the host's cgroups, devices and limits is assumed. */
  readonly rootless: boolean;
  readonly kernel: { readonly major: number; readonly minor: number };
  /** Highest capability number of the kernel (/proc/sys/kernel/cap_last_cap). */
  readonly lastCapability: number;
  readonly lsm: { readonly apparmor: boolean; readonly selinux: boolean };
  readonly cgroup: CgroupLayout;
  /** The kernel has /proc/kcore. */
  readonly kcore?: boolean;
  /** setgroups(2) was given up in the user namespace that tsrun runs in. */
  readonly setgroupsDenied?: boolean;
};

/** What of it a process depends on that joins a container. */
export type ProcessFacts = Pick<
  HostFacts,
  "euid" | "egid" | "inUserNamespace" | "rootless" | "lastCapability" | "lsm" | "setgroupsDenied"
>;
