import { TsrunError } from "../errors.ts";
import { CLONE_NEWCGROUP, CLONE_NEWUSER } from "../linux.ts";
import type { CreateContext, CreatePlanOptions } from "./context.ts";

/** What of a plan decides on it. */
export type CgroupMountContext = Pick<CreateContext, "namespaces" | "facts"> & {
  readonly options: Pick<CreatePlanOptions, "cgroupPath">;
};

/**
 * What a cgroup mount is a bind of; null where it is a new mount, rooted at the container's cgroup by its
 * cgroup namespace. Without one a new mount would show the same tree as a bind of the host's does, but
 * change the options of the tree (nsdelegate) for the whole host. In a user namespace it is not allowed.
 */
export function planCgroupMount(context: CgroupMountContext, origin: string): string | null {
  const { namespaces, facts, options } = context;
  const inUser = facts.inUserNamespace || (namespaces.all & CLONE_NEWUSER) !== 0;
  if ((namespaces.created & CLONE_NEWCGROUP) !== 0) return null;
  if ((namespaces.all & CLONE_NEWCGROUP) !== 0 && !inUser) return null;
  const path = inUser ? (options.cgroupPath ?? facts.cgroup.mountpoint) : facts.cgroup.mountpoint;
  if (path !== "") return path;
  throw new TsrunError(
    "HOST",
    "no cgroup v2 tree is mounted on this host for the container to see",
    {
      pointer: origin,
      hint: 'mount cgroup2, or add {"type": "cgroup"} to linux.namespaces',
    },
  );
}
