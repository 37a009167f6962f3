// Everything of a create that only reads and decides. When it is done nothing has changed on the host.
import { statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";

import { refuseUsed } from "../cgroup/directories.ts";
import { cgroupOwner } from "../cgroup/owner.ts";
import { type CgroupPlan, doWithoutCgroup, planCgroup } from "../cgroup/plan.ts";
import { readSystemd } from "../cgroup/systemd/manager.ts";
import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import type { HostFacts } from "../host/facts.ts";
import { readHostFacts } from "../host/read.ts";
import { native } from "../native.ts";
import { planCreate } from "../plan/create.ts";
import type { Plan } from "../plan/plan.ts";
import { planResctrl, type ResctrlPlan } from "../resctrl/plan.ts";
import type { CompiledSeccomp } from "../seccomp/compile.ts";
import { realBundle } from "../spec/bundle.ts";
import { type LoadedSpec, loadSpec, loadText } from "../spec/load.ts";
import type { ValidSpec } from "../spec/types.ts";
import { alreadyExists, stateDirectory } from "../state/store.ts";
import { checkContainerId } from "../state/id.ts";
import { notifyDirectory, wantsNotify } from "../stdio/notify.ts";
import { checkTerminal } from "../stdio/terminal-use.ts";
import { type InheritedFds, inheritedFds } from "../stdio/inherited.ts";
import { homeFor } from "./home.ts";
import { located } from "./locate.ts";
import { containerSeccomp } from "./seccomp.ts";

export type CreateOptions = {
  readonly root: string;
  readonly id: string;
  readonly bundle: string;
  /** The configuration, absolute or from the bundle; config.json when absent. */
  readonly config?: string;
  /** The text of the configuration; no file is read then. */
  readonly configText?: string;
  readonly pidFile?: string;
  readonly consoleSocket?: string;
  readonly pidfdSocket?: string;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  readonly preserveFds: number;
  readonly systemdCgroup: boolean;
  /** The container stays in the cgroup of the caller, without limits. */
  readonly noCgroup?: boolean;
  readonly rootless: "true" | "false" | "auto";
  /** The process is not tsrun's own: what it has open and what it was started with is not for containers. */
  readonly embedded?: boolean;
  readonly warn: (message: string) => void;
};

/** How the container will be started: by a later `start` through the fifo, or by this process. */
export type StartMode = { readonly start: "fifo" | "sync"; readonly detach: boolean };

export type Intent = {
  readonly options: CreateOptions;
  readonly directory: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly loaded: LoadedSpec;
  readonly facts: HostFacts;
  readonly cgroup: CgroupPlan | null;
  readonly resctrl: ResctrlPlan | null;
  readonly seccomp: CompiledSeccomp | null;
  readonly plan: Plan;
  readonly pidFile?: string;
};

/** Reads the bundle and the host, and decides all that a container will be. */
export function prepare(options: CreateOptions, mode: StartMode): Intent {
  checkContainerId(options.id);
  const inherited = options.embedded
    ? { listen: 0, preserve: 0 }
    : inheritedFds(options.preserveFds);
  if (!options.embedded) native().closeOnExecFrom(3);
  const bundle = realBundle(options.bundle);
  const { configText: text } = options;
  const loaded =
    text === undefined
      ? loadSpec(bundle, options.config)
      : loadText({ file: `${bundle}/config.json`, text });
  try {
    return decide({ options, mode, inherited, bundle, loaded });
  } catch (error) {
    throw located(error, loaded);
  }
}

type Given = {
  readonly options: CreateOptions;
  readonly mode: StartMode;
  readonly inherited: InheritedFds;
  readonly bundle: string;
  readonly loaded: LoadedSpec;
};

function decide({ options, mode, inherited, bundle, loaded }: Given): Intent {
  const { spec } = loaded;
  checkTerminal(spec, options, mode);
  const directory = stateDirectory(options.root, options.id);
  if (isThere(directory)) throw alreadyExists(options.id, options.root);
  const rootfs = checkedRootfs(spec, bundle);
  const facts = readHostFacts({ rootless: options.rootless });
  const cgroup = chooseCgroup(options, spec, facts);
  // Before anything names this cgroup as the container's: `delete --force` kills what is in it.
  if (cgroup !== null) refuseUsed(cgroup.path);
  const resctrl = planResctrl(spec.linux?.intelRdt, options.id);
  const seccomp = containerSeccomp(spec, facts.euid);
  const plan = planCreate(spec, facts, {
    id: options.id,
    bundle,
    start: mode.start,
    noPivot: options.noPivot,
    noNewKeyring: options.noNewKeyring,
    preserveFds: inherited.preserve,
    listenFds: inherited.listen,
    seccomp,
    cgroupPath: cgroup?.path ?? null,
    entersScope: cgroup?.scope !== undefined,
    notifySocket: wantsNotify() ? notifyDirectory(directory) : undefined,
    home: homeFor(spec.process, rootfs),
  });
  const pidFile = options.pidFile === undefined ? undefined : resolve(options.pidFile);
  const decided = { cgroup, resctrl, seccomp, plan };
  return { options, directory, bundle, rootfs, loaded, facts, ...decided, pidFile };
}

function chooseCgroup(
  options: CreateOptions,
  spec: ValidSpec,
  { rootless, cgroup: layout }: HostFacts,
): CgroupPlan | null {
  if (options.noCgroup) return doWithoutCgroup(spec.linux, options.warn);
  return planCgroup(spec.linux, layout, {
    id: options.id,
    rootless,
    systemd: options.systemdCgroup
      ? { ...readSystemd(rootless ? "user" : "system"), annotations: spec.annotations }
      : null,
    owner: rootless ? null : cgroupOwner(spec),
  });
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function checkedRootfs(spec: ValidSpec, bundle: string): string {
  const path = spec.root?.path ?? "rootfs";
  const rootfs = isAbsolute(path) ? resolve(path) : resolve(bundle, path);
  let isDirectory: boolean;
  try {
    isDirectory = statSync(rootfs).isDirectory();
  } catch (error) {
    throw new TsrunError("BUNDLE", `invalid rootfs: stat ${rootfs}: ${reasonOf(error)}`, {
      pointer: "/root/path",
      cause: error,
    });
  }
  if (!isDirectory) {
    throw new TsrunError("BUNDLE", `invalid rootfs: ${rootfs} is not a directory`, {
      pointer: "/root/path",
    });
  }
  return rootfs;
}
