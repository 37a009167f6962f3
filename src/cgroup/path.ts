import { posix } from "node:path";
import { TsrunError } from "../errors.ts";
import type { CgroupLayout } from "./layout.ts";

/**
 * The directory of a container's cgroup. An absolute linux.cgroupsPath counts from the mount point; a
 * relative one (and the container's id, when there is none) from the parent of tsrun's own cgroup, as
 * only a cgroup without processes of its own can hand controllers down. No `..` leads out of the tree.
 */
export function placeCgroup(
  cgroupsPath: string | undefined,
  layout: CgroupLayout,
  id: string,
): string {
  const path = cgroupsPath || id;
  // Normalized as a path from "/", nothing climbs above where it starts.
  const confined = posix.join("/", path).replace(/\/$/, "");
  if (confined === "") {
    throw new TsrunError(
      "CGROUP",
      `cgroupsPath ${JSON.stringify(path)} names no cgroup of its own`,
      {
        pointer: "/linux/cgroupsPath",
        hint: 'name one for this container, such as "/containers/web", or leave cgroupsPath out',
      },
    );
  }
  const parent = path.startsWith("/") ? "/" : posix.join("/", posix.dirname(layout.ownPath));
  return layout.mountpoint + posix.join(parent, confined);
}
