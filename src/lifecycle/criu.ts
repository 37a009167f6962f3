// Runs of CRIU: what it is and can, and a dump. (A restore is started by init; see restore.ts.)
import { closeSync, openSync } from "node:fs";

import { findCriu } from "../criu/find.ts";
import type { Outcome } from "../criu/judge.ts";
import { type CriuRequest, requestType } from "../criu/messages.ts";
import { askCriu, type Notification } from "../criu/swrk.ts";
import { TsrunError } from "../errors.ts";
import { describeExit } from "../exit.ts";
import { native } from "../native.ts";
import { callersNofile } from "./spawn.ts";

/** The oldest CRIU whose behaviour is relied on: external namespaces, notification `status-ready`. */
const oldest = { major: 3, minor: 15 } as const;

/** What runs of CRIU are started with. */
export type Criu = { readonly file: string; readonly env: readonly string[] };

/** Finds CRIU and checks that it is new enough. */
export function openCriu(): Criu {
  const criu = { file: findCriu(process.env), env: environment() };
  const { response, exit } = runCriu(criu, { type: requestType.version }, () => {});
  if (response?.success !== true || response.version === undefined) {
    const how = describeExit(exit);
    throw new TsrunError("CRIU", `CRIU version check failed: ${criu.file} swrk: ${how}`, {
      hint: `see what "${criu.file} --version" says`,
    });
  }
  const { major_number: major = 0, minor_number: minor = 0 } = response.version;
  if (major > oldest.major || (major === oldest.major && minor >= oldest.minor)) return criu;
  throw new TsrunError(
    "CRIU",
    `CRIU version ${major}.${minor} must be ${oldest.major}.${oldest.minor} or higher`,
    { hint: `${criu.file} is too old: install a newer one` },
  );
}

/** Refuses what this CRIU, or the kernel, is not able to do; `flag` is the option that asks for it. */
export function requireFeature(
  criu: Criu,
  feature: "mem_track" | "lazy_pages",
  flag: string,
): void {
  const request = { type: requestType.featureCheck, features: { [feature]: true } };
  const { response } = runCriu(criu, request, () => {});
  if (response?.success === true && response.features?.[feature] === true) return;
  const name = feature === "mem_track" ? "MemTrack" : "LazyPages";
  throw new TsrunError("CRIU", `criu is missing features: [${name}]`, {
    hint:
      feature === "mem_track"
        ? `${flag} needs a kernel that tracks changes of memory (CONFIG_MEM_SOFT_DIRTY)`
        : `${flag} needs a kernel with userfaultfd(2) for other processes (CONFIG_USERFAULTFD)`,
  });
}

/** Starts CRIU with one request and stays until it has ended. It reads and prints nothing. */
export function runCriu(
  criu: Criu,
  request: CriuRequest,
  notified: (notification: Notification) => void,
): Outcome {
  const [ours, theirs] = native().socketpair();
  let pidfd: number;
  const nothing = openSync("/dev/null", "r+");
  try {
    pidfd = native().spawn({
      file: criu.file,
      argv: ["criu", "swrk", "3"],
      env: criu.env,
      fds: [nothing, nothing, nothing, theirs],
      cloneFlags: 0,
      cgroupFd: -1,
      nofile: callersNofile(),
    }).pidfd;
  } catch (error) {
    closeSync(ours);
    throw error;
  } finally {
    closeSync(theirs);
    closeSync(nothing);
  }
  return converseAndReap({ socket: ours, pidfd }, request, notified);
}

/** Talks with a CRIU that was started; closes both descriptors. Whatever happens, it has ended afterwards. */
export function converseAndReap(
  { socket, pidfd }: { readonly socket: number; readonly pidfd: number },
  request: CriuRequest,
  notified: (notification: Notification) => void,
): Outcome {
  let open = true;
  const hangUp = (): void => {
    if (open) closeSync(socket);
    open = false;
  };
  try {
    const response = askCriu(socket, request, notified);
    hangUp(); // after a pre-dump that is what ends it
    return { response, exit: native().waitPidfd(pidfd, false)! };
  } catch (error) {
    hangUp();
    native().waitPidfd(pidfd, false);
    throw error;
  } finally {
    closeSync(pidfd);
  }
}

function environment(): string[] {
  return Object.entries(process.env)
    .filter(([name]) => !name.startsWith("TSRUN_"))
    .map(([name, value]) => `${name}=${value}`);
}
