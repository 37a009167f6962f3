import { fchownSync } from "node:fs";

/** Gives pipes to the root of a container, who must be able to open them again (/dev/stdout). */
export function ownPipes(
  fds: readonly number[],
  owner: { readonly uid: number; readonly gid: number },
): void {
  for (const fd of fds) {
    try {
      fchownSync(fd, owner.uid, owner.gid);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error; // rootless: another id than ours
    }
  }
}
