// A process that joins a container: through init, up to the point where it becomes the user's program. What is told
// to those who debug is in the words that runc's log has for the same moments.
import { closeSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { POLLIN } from "../linux.ts";
import { native } from "../native.ts";
import { encodePlan } from "../plan/encode.ts";
import type { Plan } from "../plan/plan.ts";
import { syncPoint } from "../plan/wire.ts";
import { enterGroups } from "../resctrl/group.ts";
import type { Spec } from "../spec/types.ts";
import type { State } from "../state/state.ts";
import type { Status } from "../state/status.ts";
import { handOver } from "../stdio/sockets.ts";
import { converse, sendGo } from "./converse.ts";
import { endChild } from "./destroy.ts";
import { type ExecCgroup, moveInto, settleCgroup, withCgroup } from "./exec-cgroup.ts";
import { initDeath, opFailure, opWarning } from "./failure.ts";
import { openHanded } from "./handed.ts";
import { passListener } from "./listener.ts";
import { writePidFile } from "./pid-file.ts";
import { adopt, buildIdBytes, type Init, spawnInit } from "./spawn.ts";
import type { Effect, Progress } from "./sync.ts";

/** Where callers wait for descriptors; -1 where nobody does, or does no more. */
export type Sockets = { console: number; pidfd: number };

export type Joining = {
  readonly plan: Plan;
  readonly spec: Spec;
  readonly state: State;
  /** pidfd of the container's init. */
  readonly container: number;
  readonly cgroup: ExecCgroup;
  readonly ids: { readonly euid: number; readonly egid: number };
  readonly stdio: readonly [number, number, number];
  readonly sockets: Sockets;
  readonly warn: (message: string) => void;
  readonly debug: (message: string) => void;
};

/** A process that is in the container and waits to become the user's program. */
export type Joined = {
  readonly joining: Joining;
  /** The plan as init got it. */
  readonly encoded: Uint8Array;
  pid: number;
  pidfd: number;
  readonly socket: number;
  console?: number;
  progress: Progress;
};

const refusals: Readonly<Partial<Record<Status, string>>> = {
  creating: "cannot exec in a container that is still being created",
  paused: "cannot exec in a paused container (use --ignore-paused to override)",
};

/** Why nothing can be executed in a container of this status. */
export function cannotExec(status: Status, cause?: unknown): TsrunError {
  const message = refusals[status] ?? `cannot exec in a ${status} container`;
  return new TsrunError("CONTAINER_STATUS", message, { cause });
}

/** Refuses a container whose init has ended meanwhile. */
export function refuseEnded(container: number, cause?: unknown): void {
  if (native().poll([{ fd: container, events: POLLIN }], 0)[0]) throw cannotExec("stopped", cause);
}

/** Starts a process and takes it into the container. What goes wrong leaves nothing of it. */
export function joinContainer(joining: Joining): Joined {
  const encoded = encodePlan(joining.plan, buildIdBytes());
  const init = spawn(joining, encoded);
  const joined: Joined = { joining, encoded, ...init, progress: { at: "talking", last: null } };
  try {
    joined.progress = converse(joined.socket, joined.progress, (effect) => act(joined, effect));
    check(joined);
    settleCgroup(joining.cgroup, joined.pid);
    if (joining.state.resctrl !== undefined) enterGroups(joining.state.resctrl, joined.pid);
    return joined;
  } catch (error) {
    abandon(joined);
    refuseEnded(joining.container, error);
    throw error;
  }
}

/** Lets the program run, after those are told who wait for it. */
export function letRun(joined: Joined, pidFile: string | undefined): void {
  const { sockets } = joined.joining;
  try {
    if (sockets.pidfd >= 0) handOver(taken(sockets, "pidfd"), "setns", joined.pidfd);
    if (pidFile !== undefined) writePidFile(pidFile, joined.pid);
    joined.joining.debug("setns_init: about to exec");
    sendGo(joined.socket);
    joined.progress = converse(joined.socket, joined.progress, () => {});
    check(joined);
    closeSync(joined.socket);
  } catch (error) {
    abandon(joined);
    throw error;
  }
}

function spawn({ plan, container, ids, stdio, cgroup, debug }: Joining, encoded: Uint8Array): Init {
  const handed = openHanded(plan.fds, { containerPidfd: container, ids });
  const outside = plan.ops.some((op) => op.op === "sync" && op.point === syncPoint.cgroup);
  const start = (cgroupFd: number): Init =>
    spawnInit({ plan: encoded, cloneFlags: 0, stdio, handed: handed.fds, cgroupFd });
  try {
    debug("nsexec container setup");
    if (outside) debug(`nsexec: affinity: ${affinityOf(plan)}`);
    return outside ? start(-1) : withCgroup(cgroup, start);
  } catch (error) {
    refuseEnded(container, error);
    throw error;
  } finally {
    handed.close();
  }
}

/** The mask of the CPUs that init starts on, as a number. */
function affinityOf({ ops }: Plan): string {
  const first = ops.find((op) => op.op === "cpu_affinity");
  const bytes = first?.op === "cpu_affinity" ? first.cpus.toReversed() : new Uint8Array(0);
  return `0x${BigInt(`0x${Buffer.from(bytes).toString("hex")}`).toString(16)}`;
}

function act(joined: Joined, effect: Exclude<Effect, { kind: "go" }>): void {
  const { cgroup, state, plan, warn, debug } = joined.joining;
  switch (effect.kind) {
    case "enter-cgroup":
      return withCgroup(cgroup, (fd) => moveInto(fd, joined.pid));
    case "adopt":
      Object.assign(joined, adopt(joined.pidfd, effect.pid));
      debug("child process in init()");
      return;
    case "pass-console":
      return passConsole(joined, effect.fd);
    case "pass-listener":
      return passListener(effect.fd, { state, status: "running", pid: joined.pid });
    case "warn":
      return warn(opWarning(plan, effect.report));
    default:
      throw new TsrunError("INTERNAL", `an exec's init asked for ${effect.kind}`);
  }
}

function passConsole(joined: Joined, master: number): void {
  const { sockets } = joined.joining;
  if (sockets.console < 0) {
    joined.console = master;
    return;
  }
  try {
    handOver(taken(sockets, "console"), "/dev/ptmx", master);
  } finally {
    closeSync(master);
  }
}

/** A socket that is about to be closed by whoever uses it. */
function taken(sockets: Sockets, which: keyof Sockets): number {
  const fd = sockets[which];
  sockets[which] = -1;
  return fd;
}

function check({ progress, pidfd, joining }: Joined): void {
  const { plan, spec, cgroup } = joining;
  if (progress.at === "failed") throw opFailure(plan, progress.report, spec);
  if (progress.at === "died") throw initDeath(native().waitPidfd(pidfd, false)!, cgroup.path);
}

function abandon({ pidfd, socket, console }: Joined): void {
  try {
    endChild(pidfd);
  } finally {
    for (const fd of [pidfd, socket, console ?? -1]) if (fd >= 0) closeSync(fd);
  }
}
