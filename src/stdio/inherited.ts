import { fstatSync } from "node:fs";

import { TsrunError } from "../errors.ts";

/** The caller's descriptors for the container: first 3.. of LISTEN_FDS, then --preserve-fds more. */
export type InheritedFds = { readonly listen: number; readonly preserve: number };

/** Counts the descriptors that the caller passes on and checks that each is there. */
export function inheritedFds(preserve: number): InheritedFds {
  const listen = listenFds(process.env, process.pid);
  checkInherited(listen + preserve);
  return { listen, preserve };
}

/** Refuses a count of the caller's descriptors, from 3 on, of which one is not there. */
export function checkInherited(total: number): void {
  for (let index = 0; index < total; index++) {
    if (!isInherited(index, process.env)) {
      throw new TsrunError(
        "USAGE",
        `unable to stat preserved-fd ${index} (of ${total}): bad file descriptor`,
        { errno: "EBADF", hint: `descriptor ${3 + index} is not open in the caller of tsrun` },
      );
    }
  }
}

/** The count of LISTEN_FDS when it is meant for this process (sd_listen_fds(3)). */
export function listenFds(env: NodeJS.ProcessEnv, pid: number): number {
  const { LISTEN_FDS: count, LISTEN_PID: owner } = env;
  if (!count || !owner || Number(owner) !== pid || !/^\d+$/.test(count)) return 0;
  return Number(count);
}

/**
 * Whether descriptor 3+index came from the caller. Node has opened descriptors of its own by now, on any
 * number that was free, and a container must never get one of those: so the launcher has counted before.
 */
export function isInherited(index: number, env: NodeJS.ProcessEnv): boolean {
  const counted = env["TSRUN_FDS"];
  if (counted !== undefined) return index < Number(counted);
  try {
    fstatSync(3 + index); // run from source, without the launcher
    return true;
  } catch {
    return false;
  }
}
