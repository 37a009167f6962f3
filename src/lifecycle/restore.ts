// A restore: the container is made as by a create, but its processes come from CRIU, which init becomes.
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";

import { inheritedPipes, loadDescriptors } from "../criu/descriptors.ts";
import {
  externalNamespaces,
  joinedNamespaces,
  refusedNamespace,
  restoredMounts,
} from "../criu/external.ts";
import { failureOf } from "../criu/judge.ts";
import type { CriuRequest } from "../criu/messages.ts";
import {
  criuConfigFile,
  logFiles,
  type RestoreOptions as CriuRestoreOptions,
  restoreRequest,
} from "../criu/requests.ts";
import type { Notification } from "../criu/swrk.ts";
import { makeDirectories } from "../directories.ts";
import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import { native } from "../native.ts";
import { encodePlan } from "../plan/encode.ts";
import type { HandedFd } from "../plan/plan.ts";
import { planRestore } from "../plan/restore.ts";
import { enterGroups } from "../resctrl/group.ts";
import { readProcessStat } from "../state/identity.ts";
import { lock } from "../state/lock.ts";
import type { State } from "../state/state.ts";
import { makeStateDirectory, writeState } from "../state/store.ts";
import { type Foreground, openForeground } from "../stdio/foreground.ts";
import { makeNotifyDirectory, notifyDirectory, wantsNotify } from "../stdio/notify.ts";
import { enterCgroup, makeCgroup } from "./cgroup-entry.ts";
import { converse } from "./converse.ts";
import { converseAndReap, type Criu, openCriu } from "./criu.ts";
import { opFailure } from "./failure.ts";
import { openHanded } from "./handed.ts";
import { runHostHooks } from "./hooks.ts";
import { located } from "./locate.ts";
import {
  abandon,
  begin,
  containerRoot,
  dialSockets,
  makeResctrl,
  type Making,
  passConsole,
} from "./make.ts";
import { writePidFile } from "./pid-file.ts";
import { placedMounts } from "./placed-mounts.ts";
import { type CreateOptions, type Intent, prepare } from "./prepare.ts";
import { buildIdBytes, spawnInit } from "./spawn.ts";
import { runPoststartHooks } from "./start.ts";
import { writeMadeState } from "./verbs.ts";

export type RestoreOptions = CreateOptions & {
  readonly criu: CriuRestoreOptions;
  readonly imagePath: string;
  readonly workPath?: string;
  readonly detach: boolean;
  readonly noSubreaper: boolean;
};

/** Brings back a container that was checkpointed. In the foreground: stays to its end and returns its exit status. */
export function restoreContainer(options: RestoreOptions): number {
  const intent = prepare(options, { start: "sync", detach: options.detach });
  const images = openImages(options);
  try {
    checkConfig(intent);
    const criu = openCriu();
    if (!options.noSubreaper) native().setChildSubreaper(true);
    if (options.detach) return restoreDetached(options, { intent, images, criu });
    const terminal = intent.loaded.spec.process?.terminal === true;
    const foreground = openForeground({ terminal, owner: containerRoot(intent) });
    try {
      return restoreForeground(options, { intent, images, criu }, foreground);
    } finally {
      foreground.close();
    }
  } catch (error) {
    throw located(error, intent.loaded);
  } finally {
    images.close();
  }
}

type Images = {
  readonly images: number;
  readonly work?: number;
  readonly logPath: string;
  readonly descriptors: readonly string[];
  close(): void;
};

type Given = { readonly intent: Intent; readonly images: Images; readonly criu: Criu };

function openImages({ imagePath, workPath }: RestoreOptions): Images {
  let images: number;
  try {
    images = openSync(imagePath, "r");
  } catch (error) {
    throw new TsrunError("CRIU", `open ${imagePath}: ${reasonOf(error)}`, {
      cause: error,
      hint: "--image-path names the directory that a checkpoint was written to",
    });
  }
  try {
    const descriptors = loadDescriptors(images, imagePath);
    if (workPath !== undefined) makeDirectories(workPath, 0o700);
    const work = workPath === undefined ? undefined : openSync(workPath, "r");
    const close = (): void => [images, work].forEach((fd) => fd !== undefined && closeSync(fd));
    return { images, work, logPath: workPath ?? imagePath, descriptors, close };
  } catch (error) {
    closeSync(images);
    throw error;
  }
}

function checkConfig({ loaded: { spec } }: Intent): void {
  const namespaces = spec.linux?.namespaces ?? [];
  const refused = refusedNamespace(namespaces);
  if (refused === undefined) return;
  const { type, path } = namespaces[refused]!;
  throw new TsrunError(
    "CONFIG_UNSUPPORTED",
    `a container that joins the ${type} namespace ${path} cannot be restored: CRIU makes a new one`,
    { pointer: `/linux/namespaces/${refused}` },
  );
}

function restoreDetached(options: RestoreOptions, given: Given): number {
  const terminal = given.intent.loaded.spec.process?.terminal === true;
  const making = bringBack(options, given, terminal ? null : [0, 1, 2]);
  settle(making);
  release(making);
  return 0;
}

function restoreForeground(options: RestoreOptions, given: Given, foreground: Foreground): number {
  const terminal = given.intent.loaded.spec.process?.terminal === true;
  const making = bringBack(options, given, terminal ? null : foreground.stdio);
  foreground.attach(making.console);
  settle(making);
  closeSync(making.lock);
  making.lock = -1;
  const code = foreground.stay({ pid: making.pid, pidfd: making.pidfd });
  abandon({ ...making, warnings: [] });
  return code;
}

/** Everything from the state directory to processes that run; all undone when something fails. */
function bringBack(
  options: RestoreOptions,
  given: Given,
  stdio: readonly [number, number, number] | null,
): Making {
  const { intent } = given;
  makeStateDirectory(intent.options.root, intent.options.id);
  const making = begin(intent);
  try {
    making.lock = lock(intent.directory, intent.options.id);
    writeFileSync(`${intent.directory}/config.json`, intent.loaded.text, { mode: 0o600 });
    writeState(intent.directory, making.state);
    dialSockets(making);
    makeNotifyDirectory(intent.directory);
    makeCgroup(making);
    makeResctrl(making);
    restoreProcesses(making, { options, given, stdio });
    return making;
  } catch (error) {
    abandon(making);
    throw error;
  }
}

type Restoring = {
  readonly options: RestoreOptions;
  readonly given: Given;
  readonly stdio: readonly [number, number, number] | null;
};

function restoreProcesses(making: Making, restoring: Restoring): void {
  const { intent, images } = restoring.given;
  const root = `${intent.directory}/criu-root`;
  mkdirSync(root, 0o700);
  const started = startCriu(making, restoring, root);
  // It has not been asked for anything yet: all that it will fork is in the groups then.
  if (making.state.resctrl !== undefined) enterGroups(making.state.resctrl, started.pid);
  const work = images.work ?? images.images;
  const seen = asSeenBy(started.pid, work);
  const request = makeRequest(restoring, { root, pid: started.pid, work: seen });
  const outcome = converseAndReap(started, request, (notification) => notice(making, notification));
  closeSync(seen);
  const place = { directory: work, path: images.logPath, file: logFiles.restore };
  const failure = failureOf(outcome, place);
  if (failure !== undefined) throw failure;
  if (making.pidfd < 0) throw new TsrunError("CRIU", "criu failed: it did not name the process");
  rmdirSync(root);
}

/**
 * An open directory once more, in the mount namespace of a process: CRIU works in its work directory, and could not
 * mount anything below one of another namespace.
 */
function asSeenBy(pid: number, directory: number): number {
  const path = readlinkSync(`/proc/self/fd/${directory}`);
  const seen = openSync(`/proc/${pid}/root${path}`, "r");
  const [here, there] = [fstatSync(directory), fstatSync(seen)];
  if (here.dev === there.dev && here.ino === there.ino) return seen;
  closeSync(seen);
  throw new TsrunError("HOST", `${path} was replaced by another directory meanwhile`);
}

function namespaceFds({ loaded: { spec } }: Intent): HandedFd[] {
  return externalNamespaces(spec.linux?.namespaces ?? []).map(({ path, index }) => {
    return { kind: "namespace", path, origin: `/linux/namespaces/${index}` };
  });
}

/** Starts init in the container's cgroup, to prepare a mount namespace and become CRIU there. */
function startCriu(
  making: Making,
  { given, stdio }: Restoring,
  criuRoot: string,
): { socket: number; pidfd: number; pid: number } {
  const { intent, criu } = given;
  const { bundle, rootfs, facts, loaded } = intent;
  const [socket, theirs] = native().socketpair();
  const nothing = openSync("/dev/null", "r+");
  try {
    const fds: HandedFd[] = [{ kind: "preserved", fd: theirs }, ...namespaceFds(intent)];
    const { id } = intent.options;
    const { file, env } = criu;
    const plan = planRestore(loaded.spec, facts, {
      id,
      bundle,
      rootfs,
      criuRoot,
      criu: file,
      env,
      fds,
      entersScope: intent.cgroup?.scope !== undefined,
    });
    const handed = openHanded(plan.fds, { ids: facts });
    try {
      const init = spawnInit({
        plan: encodePlan(plan, buildIdBytes()),
        cloneFlags: plan.cloneFlags,
        stdio: stdio ?? [nothing, nothing, nothing],
        handed: handed.fds,
        cgroupFd: making.cgroupFd,
      });
      const progress = converse(init.socket, { at: "talking", last: null }, ({ kind }) => {
        if (kind === "enter-cgroup") enterCgroup(making, init.pid);
      });
      closeSync(init.socket);
      if (progress.at === "failed") {
        native().waitPidfd(init.pidfd, false);
        closeSync(init.pidfd);
        throw opFailure(plan, progress.report, loaded.spec);
      }
      return { socket, pidfd: init.pidfd, pid: init.pid };
    } finally {
      handed.close();
    }
  } catch (error) {
    closeSync(socket);
    throw error;
  } finally {
    closeSync(theirs);
    closeSync(nothing);
  }
}

function makeRequest(
  { options, given }: Restoring,
  { root, pid, work }: { readonly root: string; readonly pid: number; readonly work: number },
): CriuRequest {
  const { intent, images } = given;
  const { spec } = intent.loaded;
  const namespaces = spec.linux?.namespaces ?? [];
  // 3 is the socket; the namespaces come after it in the order of config.json.
  const external = externalNamespaces(namespaces).map(({ key }, index) => ({ key, fd: 4 + index }));
  const placed = placedMounts(spec, {
    rootfs: intent.rootfs,
    bundle: intent.bundle,
    cgroupPath: intent.cgroup?.path ?? null,
    facts: intent.facts,
    notify: wantsNotify() ? notifyDirectory(intent.directory) : null,
  });
  return restoreRequest(options.criu, {
    root,
    directories: { images: images.images, work },
    external: restoredMounts(placed, spec),
    inherited: [...external, ...inheritedPipes(images.descriptors)],
    joined: joinedNamespaces(namespaces),
    cgroupRoots: intent.cgroup === null ? [] : cgroupRoots(pid),
    configFile: criuConfigFile(spec.annotations),
  });
}

/** CRIU puts the cgroups of the images below those that it runs in itself: the new container's. */
function cgroupRoots(pid: number): { ctrl: string; path: string }[] {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trimEnd().split("\n");
  return lines.flatMap((line) => {
    const [, controllers = "", path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    return controllers.split(",").map((ctrl) => ({ ctrl: ctrl.replace(/^name=/, ""), path }));
  });
}

function notice(making: Making, { script, pid, fds }: Notification): void {
  if (script === "setup-namespaces") runNamespaceHooks(making, pid);
  else if (script === "post-restore") adopt(making, pid);
  else if (script === "orphan-pts-master") takeMaster(making, fds);
}

function runNamespaceHooks({ intent, state }: Making, pid: number): void {
  const { hooks } = intent.loaded.spec;
  const options = { state, status: "created", pid, cwd: intent.bundle } as const;
  runHostHooks("prestart", hooks?.prestart, options);
  runHostHooks("createRuntime", hooks?.createRuntime, options);
}

/** The processes are there and do not run yet: from here on the container is one that can be deleted. */
function adopt(making: Making, pid: number): void {
  making.pidfd = native().pidfdOpen(pid);
  making.pid = pid;
  const stat = readProcessStat(pid);
  if (stat === undefined) throw new TsrunError("CRIU", "the restored process has ended");
  making.state = {
    ...making.state,
    phase: "made",
    init: { pid, startTime: stat.startTime },
    namespaces: namespacesNow(making.state, pid),
  };
  writeMadeState(making.intent.directory, making.state);
}

/** CRIU restores processes into a time namespace, where their clocks go on. */
function namespacesNow({ namespaces }: State, pid: number): State["namespaces"] {
  if (namespaces.some(({ type }) => type === "time")) return namespaces;
  const time = (of: number | "self"): string => readlinkSync(`/proc/${of}/ns/time`);
  try {
    return time(pid) === time("self") ? namespaces : [...namespaces, { type: "time" }];
  } catch {
    return namespaces; // a kernel without them
  }
}

function takeMaster(making: Making, fds: number[]): void {
  const master = fds.shift();
  if (master === undefined) throw new TsrunError("CONSOLE", "CRIU did not send the terminal");
  passConsole(making, master);
}

/** What comes after a start. */
function settle(making: Making): void {
  const { intent, state, pid } = making;
  try {
    runPoststartHooks(state);
    if (intent.pidFile !== undefined) writePidFile(intent.pidFile, pid);
  } catch (error) {
    abandon(making);
    throw error;
  }
}

function release(making: Making): void {
  for (const fd of [making.pidfd, making.cgroupFd, making.lock]) if (fd >= 0) closeSync(fd);
  for (const message of making.warnings) making.intent.options.warn(message);
}
