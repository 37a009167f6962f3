import { closeSync, existsSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { isAbsolute, join } from "node:path";

import { readDescriptors, storeDescriptors } from "../criu/descriptors.ts";
import { dumpedMounts, externalNamespaces, maskedFiles } from "../criu/external.ts";
import { failureOf } from "../criu/judge.ts";
import {
  criuConfigFile,
  type DumpOptions,
  dumpRequest,
  type DumpTarget,
  logFiles,
} from "../criu/requests.ts";
import type { Notification } from "../criu/swrk.ts";
import { makeDirectories } from "../directories.ts";
import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import { readHostFacts } from "../host/read.ts";
import { loadSpec } from "../spec/load.ts";
import type { ValidSpec } from "../spec/types.ts";
import { checkContainerId } from "../state/id.ts";
import { lock } from "../state/lock.ts";
import type { State } from "../state/state.ts";
import { readState, stateDirectory } from "../state/store.ts";
import { notifyDirectory } from "../stdio/notify.ts";
import { type Criu, openCriu, requireFeature, runCriu } from "./criu.ts";
import { destroyContainer, endInit } from "./destroy.ts";
import { located } from "./locate.ts";
import { placedMounts } from "./placed-mounts.ts";
import { statusOf } from "./status.ts";

export type CheckpointOptions = DumpOptions & {
  readonly root: string;
  readonly id: string;
  readonly imagePath: string;
  readonly workPath?: string;
  /** The caller's descriptor that gets a NUL when the page server is ready. */
  readonly statusFd?: number;
  readonly warn: (message: string) => void;
};

/** Saves the processes of a running container in files; it is gone afterwards unless it is to go on. */
export function checkpointContainer(options: CheckpointOptions): void {
  checkContainerId(options.id);
  const directory = stateDirectory(options.root, options.id);
  readState(options.root, options.id); // says what is wrong before there is anything to lock
  const held = lock(directory, options.id);
  try {
    const state = readState(options.root, options.id);
    refuseStatus(state, directory);
    dump(options, state, directory);
    if (options.leaveRunning || options.preDump) return;
    endInit(state);
    destroyContainer({ directory, state, cgroupPath: state.cgroup?.path }, options.warn);
  } finally {
    closeSync(held);
  }
}

function refuseStatus(state: State, directory: string): void {
  const status = statusOf(state, directory);
  if (status === "running" || status === "paused") return;
  throw new TsrunError("CONTAINER_STATUS", `Container cannot be checkpointed in ${status} state`, {
    hint: status === "created" ? `start it first: "tsrun start ${state.id}"` : undefined,
  });
}

function dump(options: CheckpointOptions, state: State, directory: string): void {
  const criu = openCriu();
  checkFeatures(criu, options);
  const opened = openDirectories(options);
  const { images, work } = opened.directories;
  try {
    if (!options.preDump) storeDescriptors(images, readDescriptors(state.init!.pid));
    const target = dumpTarget(options, state, { directory, directories: opened.directories });
    const outcome = runCriu(criu, dumpRequest(options, target), (notification) =>
      tellReady(notification, options.statusFd),
    );
    const place = { directory: work ?? images, path: opened.logPath, file: logFiles.dump };
    const failure = failureOf(outcome, place);
    if (failure !== undefined) throw failure;
  } finally {
    opened.close();
  }
}

function checkFeatures(criu: Criu, options: CheckpointOptions): void {
  if (options.preDump) requireFeature(criu, "mem_track", "--pre-dump");
  if (options.lazyPages) requireFeature(criu, "lazy_pages", "--lazy-pages");
}

type Opened = {
  readonly directories: DumpTarget["directories"];
  readonly logPath: string;
  close(): void;
};

/** Opened once: whatever is read and written there later goes through these descriptors. */
function openDirectories({ imagePath, workPath, parentPath }: CheckpointOptions): Opened {
  // To be entered by the root of a user namespace; the files are for root alone.
  makeDirectories(imagePath, 0o711);
  if (parentPath !== undefined) checkParent(imagePath, parentPath);
  if (workPath !== undefined) makeDirectories(workPath, 0o700);
  const images = openSync(imagePath, "r");
  const work = workPath === undefined ? undefined : openSync(workPath, "r");
  return {
    directories: { images, work },
    logPath: workPath ?? imagePath,
    close: () => {
      closeSync(images);
      if (work !== undefined) closeSync(work);
    },
  };
}

function checkParent(imagePath: string, parentPath: string): void {
  if (isAbsolute(parentPath)) {
    throw new TsrunError("USAGE", "--parent-path must be relative", {
      hint: "it is found from the directory of the images, now and when they are moved",
    });
  }
  const parent = join(imagePath, parentPath);
  let reason = "not a directory";
  try {
    if (statSync(parent).isDirectory()) return;
  } catch (error) {
    reason = reasonOf(error);
  }
  throw new TsrunError("USAGE", `invalid --parent-path: stat ${parent}: ${reason}`);
}

function dumpTarget(
  options: CheckpointOptions,
  state: State,
  place: { readonly directory: string; readonly directories: DumpTarget["directories"] },
): DumpTarget {
  const loaded = loadSpec(place.directory);
  try {
    const { spec } = loaded;
    const { pid } = state.init!;
    const external = options.preDump ? [] : externalMounts(spec, state, place.directory);
    return {
      pid,
      rootfs: state.rootfs,
      directories: place.directories,
      freezeCgroup: state.cgroup?.path,
      external: [...namespacesOf(state), ...external],
      configFile: criuConfigFile(state.annotations),
    };
  } catch (error) {
    throw located(error, loaded);
  }
}

function namespacesOf(state: State): string[] {
  return externalNamespaces(state.namespaces).map(
    ({ kind, key, path }) => `${kind}[${statSync(path).ino}]:${key}`,
  );
}

function externalMounts(spec: ValidSpec, state: State, directory: string): string[] {
  const placed = placedMounts(spec, {
    rootfs: state.rootfs,
    bundle: state.bundle,
    cgroupPath: state.cgroup?.path ?? null,
    facts: readHostFacts({ rootless: "auto" }),
    notify: existsSync(notifyDirectory(directory)) ? notifyDirectory(directory) : null,
  });
  const mountinfo = readFileSync(`/proc/${state.init!.pid}/mountinfo`, "utf8");
  return dumpedMounts(placed, maskedFiles(spec.linux?.maskedPaths ?? [], mountinfo));
}

/** Whoever waits on --status-fd may fetch pages from now on. */
function tellReady({ script }: Notification, statusFd: number | undefined): void {
  if (script !== "status-ready" || statusFd === undefined) return;
  writeSync(statusFd, "\0");
  closeSync(statusFd);
}
