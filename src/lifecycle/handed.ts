import { closeSync, openSync } from "node:fs";

import { assertNever, TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import { CLONE_NEWUSER } from "../linux.ts";
import { native } from "../native.ts";
import { encodePlan } from "../plan/encode.ts";
import type { HandedFd, Plan } from "../plan/plan.ts";
import { syncPoint } from "../plan/wire.ts";
import { converse } from "./converse.ts";
import { writeIdMaps } from "./id-maps.ts";
import { buildIdBytes, spawnInit } from "./spawn.ts";

export type HandedSources = {
  readonly fifo?: string;
  readonly containerPidfd?: number;
  readonly ids: { readonly euid: number; readonly egid: number };
};

/** Opens what a plan wants handed over, in its order; `close` closes those that were opened here. */
export function openHanded(
  wanted: readonly HandedFd[],
  sources: HandedSources,
): { fds: number[]; close: () => void } {
  const opened: number[] = [];
  const close = (): void => opened.splice(0).forEach((fd) => closeSync(fd));
  const own = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  try {
    const fds = wanted.map((entry) => {
      if (entry.kind === "preserved") return entry.fd;
      if (entry.kind === "container-pidfd") return sources.containerPidfd!;
      return own(openOne(entry, sources));
    });
    return { fds, close };
  } catch (error) {
    close();
    throw error;
  }
}

type OpenedKind = Exclude<HandedFd, { kind: "preserved" | "container-pidfd" }>;

function openOne(entry: OpenedKind, sources: HandedSources): number {
  switch (entry.kind) {
    case "exec-fifo":
      return openSync(sources.fifo!, "r+"); // for reading and writing: opening must not wait, and reading must not end
    case "namespace":
      return openNamespace(entry.path, entry.origin);
    case "user-namespace":
      return makeUserNamespace(entry, sources.ids);
    default:
      return assertNever(entry);
  }
}

function openNamespace(path: string, pointer: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw new TsrunError("CONFIG_INVALID", `namespace to join: open ${path}: ${reasonOf(error)}`, {
      pointer,
      errno: (error as NodeJS.ErrnoException).code,
      cause: error,
    });
  }
}

/**
 * A user namespace to map ids through, for an idmapped mount. Only a process can have one made, so init
 * is started in it just to wait; once the namespace is open init is not needed any more.
 */
function makeUserNamespace(
  entry: HandedFd & { kind: "user-namespace" },
  ids: { euid: number; egid: number },
): number {
  const init = spawnInit({
    plan: encodePlan(waitingPlan, buildIdBytes()),
    cloneFlags: waitingPlan.cloneFlags,
    stdio: [0, 1, 2],
    handed: [],
    cgroupFd: -1,
  });
  try {
    let fd = -1;
    converse(init.socket, { at: "talking", last: null }, () => {
      if (fd >= 0) return;
      writeIdMaps(init.pid, { uid: entry.uid, gid: entry.gid, denySetgroups: false }, ids);
      fd = openSync(`/proc/${init.pid}/ns/user`, "r");
      native().pidfdSendSignal(init.pidfd, 9);
    });
    return fd;
  } catch (error) {
    throw error instanceof TsrunError && error.pointer !== undefined
      ? Object.assign(error, { pointer: entry.origin })
      : error;
  } finally {
    native().pidfdSendSignal(init.pidfd, 9);
    native().waitPidfd(init.pidfd, false);
    closeSync(init.socket);
    closeSync(init.pidfd);
  }
}

const waitingPlan: Plan = {
  kind: "hook",
  cloneFlags: CLONE_NEWUSER,
  fds: [],
  ops: [{ op: "sync", point: syncPoint.map, origin: "", what: "wait for the id maps" }],
  host: { rlimits: [], netDevices: [], console: false },
  warnings: [],
};
