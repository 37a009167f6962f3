import { closeSync, readFileSync } from "node:fs";

import { native, nativeDirectory } from "../native.ts";

/** A started init and the socket to talk with it. */
export type Init = { readonly pid: number; readonly pidfd: number; readonly socket: number };

export type InitOptions = {
  /** The encoded plan. */
  readonly plan: Uint8Array;
  readonly cloneFlags: number;
  readonly stdio: readonly [number, number, number];
  /** Descriptors for Plan.fds, in that order. */
  readonly handed: readonly number[];
  /** A cgroup directory to be born in, or -1. */
  readonly cgroupFd: number;
};

const RLIMIT_NOFILE = 7;

/** Starts init with a plan. It runs from a sealed memfd, so that no file of the host is its /proc/self/exe. */
export function spawnInit(options: InitOptions): Init {
  const { pid, pidfd, socket } = withClosing((own) => {
    const program = own(native().sealedMemfd("tsrun-init", initProgram(), true));
    const plan = own(native().sealedMemfd("tsrun-plan", options.plan, false));
    const [ours, theirs] = native().socketpair();
    own(theirs);
    try {
      const spawned = native().spawn({
        file: program,
        argv: ["tsrun", "init"],
        env: [],
        fds: [...options.stdio, plan, theirs, ...options.handed],
        cloneFlags: options.cloneFlags,
        cgroupFd: options.cgroupFd,
        nofile: callersNofile(),
      });
      return { ...spawned, socket: ours };
    } catch (error) {
      closeSync(ours);
      throw error;
    }
  });
  return { pid, pidfd, socket };
}

/** Takes over the process that the first stage of init has forked, as our child; the first stage ends. */
export function adopt(
  first: number,
  pid: number,
): { readonly pid: number; readonly pidfd: number } {
  const pidfd = native().pidfdOpen(pid);
  native().waitPidfd(first, false);
  closeSync(first);
  return { pid, pidfd };
}

let program: Uint8Array | undefined;

function initProgram(): Uint8Array {
  program ??= readFileSync(`${nativeDirectory()}/init`);
  return program;
}

function withClosing<T>(work: (own: (fd: number) => number) => T): T {
  const owned: number[] = [];
  try {
    return work((fd) => {
      owned.push(fd);
      return fd;
    });
  } finally {
    for (const fd of owned) closeSync(fd);
  }
}

/** The RLIMIT_NOFILE that tsrun was called with: node raises its own, and the launcher notes it before. */
export function callersNofile(): readonly [soft: bigint, hard: bigint] {
  const noted = /^(\d+):(\d+)$/.exec(process.env["TSRUN_NOFILE"] ?? "");
  if (noted?.[1] !== undefined && noted[2] !== undefined)
    return [BigInt(noted[1]), BigInt(noted[2])];
  return native().getRlimit(RLIMIT_NOFILE);
}

/** The build id that the encoded plan carries. */
export function buildIdBytes(): Uint8Array {
  return new Uint8Array(Buffer.from(native().buildId, "hex"));
}
