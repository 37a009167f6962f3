// The process that exec starts: the container's own with what the command line says, or that of a file.
import { TsrunError } from "../errors.ts";
import type { LoadedProcess } from "../spec/process-file.ts";
import type { Capabilities, Process, ValidSpec } from "../spec/types.ts";
import type { State } from "../state/state.ts";
import type { ContainerConfig } from "./container-config.ts";
import type { Asked } from "./exec-verb.ts";
import { located } from "./locate.ts";

/** What the command line says about the process; what is absent stays as the container has it. */
export type ProcessChanges = {
  readonly args: readonly string[];
  readonly terminal: boolean;
  readonly cwd?: string;
  /** Added to those of the container. */
  readonly env: readonly string[];
  readonly capabilities: readonly string[];
  readonly additionalGids: readonly number[];
  readonly user?: { readonly uid: number; readonly gid?: number };
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly noNewPrivileges?: boolean;
};

/** What was decided about the process. */
export type Wanted = {
  readonly process: Process;
  readonly config: ContainerConfig;
  readonly asked: Asked;
  /** Where relative paths of sockets start: as runc has it. */
  readonly base: string;
  /** Adds to an error the line of the file that is to blame for it. */
  readonly locate: (error: unknown) => unknown;
};

/** The container's own process with changes, or one of a file. */
export type ProcessChoice = ProcessChanges | (() => LoadedProcess);

/** Decides what process is run in a container. */
export function chooseProcess(
  choice: ProcessChoice,
  config: ContainerConfig,
  { bundle }: State,
): Wanted {
  const { spec } = config;
  if (typeof choice === "function") {
    const loaded = choice();
    const locate = (error: unknown): unknown => locatedInFile(error, loaded, config);
    const asked = { kind: "file", text: loaded.text } as const;
    return { process: completeProcess(loaded, spec), config, asked, base: ".", locate };
  }
  const pointers = changedPointers(choice, spec);
  const locate = (error: unknown): unknown => {
    if (error instanceof TsrunError && isBelow(error.pointer, pointers)) error.pointer = undefined;
    return located(error, config);
  };
  const asked = { kind: "changes", changes: choice } as const;
  return { process: changeProcess(choice, spec), config, asked, base: bundle, locate };
}

function isBelow(pointer: string | undefined, pointers: readonly string[]): boolean {
  return pointers.some((one) => pointer === one || pointer?.startsWith(`${one}/`));
}

/** What the file of --process says is to blame there, where the process section is the whole. */
function locatedInFile(error: unknown, loaded: LoadedProcess, config: ContainerConfig): unknown {
  if (!(error instanceof TsrunError)) return error;
  const [, field] = /^\/process\/(\w+)/.exec(error.pointer ?? "") ?? [];
  if (field === undefined || !Object.hasOwn(loaded.process, field)) return located(error, config);
  error.pointer = error.pointer!.slice("/process".length);
  return located(error, loaded);
}

/** The container's process with the changes of the command line. */
export function changeProcess(changes: ProcessChanges, { process }: ValidSpec): Process {
  if (changes.args.length === 0) {
    throw new TsrunError("USAGE", "exec args cannot be empty", {
      hint: "name the program behind the container, or give --process",
    });
  }
  const { user = {}, env = [] } = process ?? {};
  const { apparmorProfile, selinuxLabel, noNewPrivileges, cwd } = changes;
  const changed: Process = {
    ...process,
    cwd: cwd ?? process?.cwd ?? "/",
    args: [...changes.args],
    env: [...env, ...changes.env],
    terminal: changes.terminal,
    user: {
      ...user,
      ...(changes.user?.gid === undefined ? {} : { gid: changes.user.gid }),
      ...(changes.user === undefined ? {} : { uid: changes.user.uid }),
      additionalGids: [...(user.additionalGids ?? []), ...changes.additionalGids],
    },
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
    ...(selinuxLabel === undefined ? {} : { selinuxLabel }),
    ...(noNewPrivileges === undefined ? {} : { noNewPrivileges }),
  };
  if (changes.capabilities.length > 0) {
    changed.capabilities = addCapabilities(process?.capabilities, changes.capabilities);
  }
  return changed;
}

/** Ambient ones need inheritable ones, which are not added: so they follow only a container that has some. */
function addCapabilities(had: Capabilities | undefined, added: readonly string[]): Capabilities {
  const plus = (set: readonly string[] | undefined): string[] => [...(set ?? []), ...added];
  return {
    ...had,
    bounding: plus(had?.bounding),
    effective: plus(had?.effective),
    permitted: plus(had?.permitted),
    ...(had?.inheritable ? { ambient: plus(had.ambient) } : {}),
  };
}

/** A process of a file; what it does not say about rights and limits it has from the container. */
export function completeProcess(
  { process: given }: LoadedProcess,
  { process: own }: ValidSpec,
): Process {
  const umask = given.user?.umask ?? own?.user?.umask;
  return {
    ...given,
    user: { ...given.user, ...(umask === undefined ? {} : { umask }) },
    capabilities: given.capabilities ?? own?.capabilities,
    apparmorProfile: given.apparmorProfile || own?.apparmorProfile,
    selinuxLabel: given.selinuxLabel || own?.selinuxLabel,
    rlimits: given.rlimits?.length ? given.rlimits : own?.rlimits,
    scheduler: given.scheduler ?? own?.scheduler,
    ioPriority: given.ioPriority ?? own?.ioPriority,
    execCPUAffinity: given.execCPUAffinity ?? own?.execCPUAffinity,
    // As runc has it: the container's alone.
    oomScoreAdj: own?.oomScoreAdj,
  };
}

/** JSON pointers of what the command line says, so that no line of config.json is blamed for it. */
export function changedPointers(changes: ProcessChanges, { process }: ValidSpec): string[] {
  const { user, cwd, apparmorProfile, selinuxLabel, capabilities } = changes;
  const had = process?.env?.length ?? 0;
  const gids = process?.user?.additionalGids?.length ?? 0;
  return [
    "/process/args",
    "/process/terminal",
    ...(user ? ["/process/user/uid"] : []),
    ...(user?.gid === undefined ? [] : ["/process/user/gid"]),
    ...(cwd === undefined ? [] : ["/process/cwd"]),
    ...(apparmorProfile === undefined ? [] : ["/process/apparmorProfile"]),
    ...(selinuxLabel === undefined ? [] : ["/process/selinuxLabel"]),
    ...(capabilities.length === 0 ? [] : ["/process/capabilities"]),
    ...changes.env.map((_, index) => `/process/env/${had + index}`),
    ...changes.additionalGids.map((_, index) => `/process/user/additionalGids/${gids + index}`),
  ];
}
