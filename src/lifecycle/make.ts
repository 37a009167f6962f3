// The effects of a create, from the state directory to an init that is ready; all undone when one fails.
import { chmodSync, chownSync, closeSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

import { killCgroup } from "../cgroup/processes.ts";
import { assertNever } from "../errors.ts";
import { native } from "../native.ts";
import { encodePlan } from "../plan/encode.ts";
import { enterGroups, fillSchemata, makeGroups } from "../resctrl/group.ts";
import { readProcessStat } from "../state/identity.ts";
import { lock } from "../state/lock.ts";
import { type State, stateVersion } from "../state/state.ts";
import { makeStateDirectory, writeState } from "../state/store.ts";
import { makeNotifyDirectory } from "../stdio/notify.ts";
import { dial, handOver } from "../stdio/sockets.ts";
import { hostRoot } from "./container-root.ts";
import { enterCgroup, makeCgroup, recordOf } from "./cgroup-entry.ts";
import { converse } from "./converse.ts";
import { type ContainerEnds, destroyContainer, endChild } from "./destroy.ts";
import { initDeath, opFailure, opWarning, spawnFailure } from "./failure.ts";
import { openHanded } from "./handed.ts";
import { type ContainerHook, runContainerHooks, runHostHooks } from "./hooks.ts";
import { planCreateHooks, planStartHooks } from "./hook-plans.ts";
import { writeIdMaps } from "./id-maps.ts";
import { passListener } from "./listener.ts";
import { located } from "./locate.ts";
import { mapMount } from "./map-mount.ts";
import { moveNetDevices } from "./net-devices.ts";
import type { Intent } from "./prepare.ts";
import { adopt, buildIdBytes, type Init, spawnInit } from "./spawn.ts";
import type { Effect, Progress } from "./sync.ts";
import { writeMadeState } from "./verbs.ts";

/** A container whose init is ready: all that is left is to let the user's program run. */
export type Made = {
  readonly intent: Intent;
  readonly state: State;
  readonly pid: number;
  readonly pidfd: number;
  readonly cgroupFd: number;
  readonly cgroupPath?: string;
  readonly socket: number;
  readonly progress: Progress;
  readonly startHooks: readonly ContainerHook[];
  /** The pty master, when there is a terminal and no console socket. */
  readonly console?: number;
  readonly lock: number;
  readonly warnings: readonly string[];
};

/** What exists so far of a container in the making. */
export type Making = {
  readonly intent: Intent;
  state: State;
  lock: number;
  pid: number;
  pidfd: number;
  socket: number;
  cgroupFd: number;
  /** Its cgroup, once that is this container's. */
  cgroupPath?: string;
  consoleSocket: number;
  pidfdSocket: number;
  console?: number;
  startHooks: readonly ContainerHook[];
  readonly warnings: string[];
};

/** Makes the container that was decided on, up to the point where init waits for the start. */
export function makeContainer(intent: Intent, stdio: readonly [number, number, number]): Made {
  makeStateDirectory(intent.options.root, intent.options.id);
  const making = begin(intent);
  try {
    making.lock = lock(intent.directory, intent.options.id);
    storeIntent(making);
    dialSockets(making);
    makeFifo(intent);
    makeNotifyDirectory(intent.directory);
    const progress = bringUp(making, stdio);
    return { ...making, progress };
  } catch (error) {
    abandon(making);
    throw located(error, intent.loaded);
  }
}

/** A container of which nothing exists yet but its state directory. */
export function begin(intent: Intent): Making {
  const { spec } = intent.loaded;
  const { hooks } = spec;
  const later = {
    ...(hooks?.startContainer?.length ? { startContainer: hooks.startContainer } : {}),
    ...(hooks?.poststart?.length ? { poststart: hooks.poststart } : {}),
    ...(hooks?.poststop?.length ? { poststop: hooks.poststop } : {}),
  };
  const state: State = {
    version: stateVersion,
    phase: "creating",
    id: intent.options.id,
    bundle: intent.bundle,
    rootfs: intent.rootfs,
    created: now(),
    init: null,
    cgroup: intent.cgroup && recordOf(intent.cgroup),
    ...(intent.resctrl ? { resctrl: intent.resctrl.group } : {}),
    rootless: intent.facts.rootless,
    namespaces: spec.linux?.namespaces ?? [],
    ...(intent.options.noNewKeyring ? { keyring: false } : {}),
    ...(intent.loaded.spec.process === undefined ? { process: false } : {}),
    ...(spec.annotations ? { annotations: spec.annotations } : {}),
    ...(intent.plan.host.listener ? { listener: intent.plan.host.listener } : {}),
    ...(Object.keys(later).length > 0 ? { hooks: later } : {}),
  };
  const none = { lock: -1, pid: 0, pidfd: -1, socket: -1, cgroupFd: -1 };
  const sockets = { consoleSocket: -1, pidfdSocket: -1 };
  const known = [...(intent.cgroup?.warnings ?? []), ...intent.plan.warnings];
  const warnings = known.map(({ message }) => message);
  return { intent, state, ...none, ...sockets, startHooks: [], warnings };
}

/** RFC 3339 with as many digits of a second as there are, as Go writes it. */
function now(): string {
  return new Date().toISOString().replace(/\.?0*Z$/, "Z");
}

function storeIntent(making: Making): void {
  const { intent, state } = making;
  writeFileSync(`${intent.directory}/config.json`, intent.loaded.text, { mode: 0o600 });
  writeState(intent.directory, state);
  making.startHooks = planStartHooks(intent);
  making.startHooks.forEach(({ plan }, index) =>
    writeFileSync(`${intent.directory}/startContainer.${index}.plan`, plan, { mode: 0o600 }),
  );
}

/** Connects to the sockets of the caller. */
export function dialSockets(making: Making): void {
  const { options, bundle, loaded } = making.intent;
  if (options.consoleSocket) {
    making.consoleSocket = dial(
      resolve(bundle, options.consoleSocket),
      "cannot connect to the console socket",
    );
  }
  const pidfdSocket = options.pidfdSocket || loaded.spec.annotations?.["run.oci.pidfd_receiver"];
  if (pidfdSocket)
    making.pidfdSocket = dial(resolve(bundle, pidfdSocket), "cannot connect to the pidfd socket");
}

function makeFifo(intent: Intent): void {
  if (!intent.plan.fds.some(({ kind }) => kind === "exec-fifo")) return;
  const fifo = `${intent.directory}/exec.fifo`;
  native().mkfifo(fifo, 0o622);
  chmodSync(fifo, 0o622); // whatever the umask is
  const { uid, gid } = containerRoot(intent);
  if (uid !== intent.facts.euid && intent.facts.euid === 0) chownSync(fifo, uid, gid);
}

/** The ids on the host of the container's root. */
export function containerRoot({ plan, facts }: Intent): { uid: number; gid: number } {
  return hostRoot(plan.host.idMaps, facts);
}

function bringUp(making: Making, stdio: readonly [number, number, number]): Progress {
  const { intent } = making;
  const { plan, facts, directory } = intent;
  makeCgroup(making);
  makeResctrl(making);
  const handed = openHanded(plan.fds, { fifo: `${directory}/exec.fifo`, ids: facts });
  try {
    Object.assign(making, spawnFor(making, stdio, handed.fds));
    const start: Progress = { at: "talking", last: null };
    const end = converse(making.socket, start, (effect) => carryOut(making, effect, handed.fds));
    return judge(making, end);
  } finally {
    handed.close();
  }
}

/** Makes the groups of resctrl that config.json asks for. */
export function makeResctrl(making: Making): void {
  const { resctrl } = making.intent;
  if (resctrl === null) return;
  making.state = { ...making.state, resctrl: makeGroups(resctrl) };
  fillSchemata(resctrl);
}

function spawnFor(
  { intent: { plan }, cgroupFd, cgroupPath }: Making,
  stdio: readonly [number, number, number],
  handed: readonly number[],
): Init {
  const encoded = encodePlan(plan, buildIdBytes());
  try {
    return spawnInit({ plan: encoded, cloneFlags: plan.cloneFlags, stdio, handed, cgroupFd });
  } catch (error) {
    throw spawnFailure(error, cgroupPath);
  }
}

/** Passes on how a conversation ended, when init lives. */
function judge(making: Making, progress: Progress): Progress {
  const { plan, loaded } = making.intent;
  if (progress.at === "failed") throw opFailure(plan, progress.report, loaded.spec);
  if (progress.at === "died") {
    throw initDeath(native().waitPidfd(making.pidfd, false)!, making.cgroupPath);
  }
  return progress;
}

function carryOut(
  making: Making,
  effect: Exclude<Effect, { kind: "go" }>,
  handed: readonly number[],
): void {
  const { intent } = making;
  switch (effect.kind) {
    case "enter-cgroup":
      return enterCgroup(making, making.pid);
    case "write-maps":
      return writeIdMaps(making.pid, intent.plan.host.idMaps!, intent.facts);
    case "adopt":
      Object.assign(making, adopt(making.pidfd, effect.pid));
      return;
    case "map-mount":
      return mapMount(intent, effect, handed);
    case "move-devices":
      return moveNetDevices(making.pid, intent.plan.host.netDevices);
    case "run-create-hooks":
      return runCreateHooks(making);
    case "pass-console":
      return passConsole(making, effect.fd);
    case "commit":
      return commit(making);
    case "pass-listener":
      return passListener(effect.fd, { state: making.state, status: "creating", pid: making.pid });
    case "warn":
      making.warnings.push(opWarning(intent.plan, effect.report));
      return;
    default:
      return assertNever(effect);
  }
}

function runCreateHooks(making: Making): void {
  const { state, pid, pidfd, cgroupFd, intent } = making;
  const { hooks } = intent.loaded.spec;
  const options = { state, status: "created", pid, cwd: intent.bundle } as const;
  runHostHooks("prestart", hooks?.prestart, options);
  runHostHooks("createRuntime", hooks?.createRuntime, options);
  const plans = planCreateHooks(intent);
  runContainerHooks("createContainer", plans, { state, pid, pidfd, cgroupFd });
}

/** Takes the pty master, or hands it to the caller. */
export function passConsole(making: Making, master: number): void {
  if (making.consoleSocket < 0) {
    making.console = master;
    return;
  }
  const socket = making.consoleSocket;
  making.consoleSocket = -1;
  handOver(socket, "/dev/ptmx", master);
  closeSync(master);
}

function commit(making: Making): void {
  const { intent, pid } = making;
  for (const { resource, soft, hard } of intent.plan.host.rlimits) {
    native().setRlimit(pid, resource, soft, hard);
  }
  if (making.state.resctrl !== undefined) enterGroups(making.state.resctrl, pid);
  const stat = readProcessStat(pid);
  if (stat === undefined) return; // init was killed meanwhile; the end of the stream is next
  making.state = { ...making.state, phase: "made", init: { pid, startTime: stat.startTime } };
  writeMadeState(intent.directory, making.state);
  if (making.pidfdSocket < 0) return;
  const socket = making.pidfdSocket;
  making.pidfdSocket = -1;
  handOver(socket, "standard", making.pidfd);
}

/** Lets go of a container that goes on without this process. */
export function release(made: Made): void {
  for (const fd of [made.pidfd, made.socket, made.cgroupFd, made.lock]) if (fd >= 0) closeSync(fd);
}

/** Takes back a container that was made; also the end of one that ran in the foreground. */
export function discard(made: Made): void {
  abandon({ consoleSocket: -1, pidfdSocket: -1, ...made, warnings: [] });
}

/** Takes back all that was made. Errors here would hide the one that matters. */
export function abandon(making: Making): void {
  const { intent } = making;
  const quietly = (work: () => void): void => {
    try {
      work();
    } catch {
      // nothing more can be done; `delete --force` will try again
    }
  };
  if (making.pidfd >= 0) {
    if (making.cgroupPath !== undefined) quietly(() => killCgroup(making.cgroupPath!, 9));
    quietly(() => endChild(making.pidfd));
  }
  const ends: ContainerEnds = {
    directory: intent.directory,
    state: making.state,
    cgroupPath: making.cgroupPath,
  };
  quietly(() => destroyContainer(ends, intent.options.warn));
  const { pidfd, socket, cgroupFd, consoleSocket, pidfdSocket } = making;
  for (const fd of [pidfd, socket, cgroupFd, consoleSocket, pidfdSocket, making.lock]) {
    if (fd >= 0) closeSync(fd);
  }
  if (making.console !== undefined) closeSync(making.console);
}
