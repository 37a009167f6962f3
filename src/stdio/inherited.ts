import { readFileSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { O_CLOEXEC } from "../linux.ts";

/** The caller's descriptors for the container: first 3.. of LISTEN_FDS, then --preserve-fds more. */
export type InheritedFds = { readonly listen: number; readonly preserve: number };

/**
 * Counts the descriptors that the caller passes on and checks that each is there. To be called before
 * anything is marked close-on-exec: that mark is what tells a descriptor of node's own, which may have
 * any free number, from one that came through the execve.
 */
export function inheritedFds(preserve: number): InheritedFds {
  const listen = listenFds(process.env, process.pid);
  const total = listen + preserve;
  for (let index = 0; index < total; index++) {
    if (!isInherited(3 + index)) {
      throw new TsrunError(
        "USAGE",
        `unable to stat preserved-fd ${index} (of ${total}): bad file descriptor`,
        {
          errno: "EBADF",
          hint: `descriptor ${3 + index} is not open in the caller of tsrun`,
        },
      );
    }
  }
  return { listen, preserve };
}

/** The count of LISTEN_FDS when it is meant for this process (sd_listen_fds(3)). */
export function listenFds(env: NodeJS.ProcessEnv, pid: number): number {
  const { LISTEN_FDS: count, LISTEN_PID: owner } = env;
  if (!count || !owner || Number(owner) !== pid || !/^\d+$/.test(count)) return 0;
  return Number(count);
}

function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"));
    return flags?.[1] !== undefined && (Number.parseInt(flags[1], 8) & O_CLOEXEC) === 0;
  } catch {
    return false;
  }
}
