// The six kinds of hooks at their points:
//
//   kind              when                                   where                  state says
//   prestart          create, mounts made, before the pivot  runtime's namespaces   created
//   createRuntime     after prestart                         runtime's namespaces   created
//   createContainer   after createRuntime                    container's namespaces created
//   startContainer    start, before the user's program       container's namespaces,
//                                                            as the user's process  created
//   poststart         after the user's program was started   runtime's namespaces   running
//   poststop          after all of the container is gone     runtime's namespaces   stopped
import { closeSync, readFileSync } from "node:fs";

import { runHook, runHookWith } from "../../hooks/run.ts";
import { TsrunError } from "../errors.ts";
import { errnoText } from "../errno.ts";
import { native } from "../native.ts";
import type { Hook, HookName } from "../spec/types.ts";
import { hasOwnPidNamespace, type State } from "../state/state.ts";
import type { Status } from "../state/status.ts";
import { converse } from "./converse.ts";
import { passListener } from "./listener.ts";
import { ociStateOf } from "./oci-state.ts";
import type { OutputFiles, Starter } from "./program.ts";
import { adopt, spawnInit } from "./spawn.ts";

/** Runs hooks in the runtime's namespaces, in order; throws at the first that fails. */
export function runHostHooks(
  kind: HookName,
  hooks: readonly Hook[] | undefined,
  options: {
    readonly state: State;
    readonly status: Status;
    readonly pid: number;
    readonly cwd?: string;
  },
): void {
  if (!hooks?.length) return;
  const state = JSON.stringify(ociStateOf(options.state, options.status, options.pid));
  const output = outputFiles(options.state);
  hooks.forEach((hook, index) => runHook({ kind, index, hook, state, cwd: options.cwd, output }));
}

/** Runs every poststop hook; one that fails is a warning, as the spec has it. */
export function runPoststopHooks(state: State, warn: (message: string) => void): void {
  if (!state.hooks?.poststop?.length) return;
  const oci = JSON.stringify(ociStateOf(state, "stopped", 0));
  const output = outputFiles(state);
  state.hooks.poststop.forEach((hook, index) => {
    try {
      runHook({ kind: "poststop", index, hook, state: oci, output });
    } catch (error) {
      warn((error as Error).message);
    }
  });
}

/** A plan for a hook in the container's namespaces, ready for init. */
export type ContainerHook = { readonly hook: Hook; readonly plan: Uint8Array };

/** Runs hooks through init in the container's namespaces; throws at the first that fails. */
export function runContainerHooks(
  kind: "createContainer" | "startContainer",
  hooks: readonly ContainerHook[],
  options: {
    readonly state: State;
    readonly pid: number;
    readonly pidfd: number;
    readonly cgroupFd: number;
  },
): void {
  if (hooks.length === 0) return;
  const pid = pidInside(options.pid, options.state);
  const state = JSON.stringify(ociStateOf(options.state, "created", pid));
  const output = outputFiles(options.state);
  hooks.forEach(({ hook, plan }, index) =>
    runHookWith({ kind, index, hook, state, output }, startInContainer(plan, options)),
  );
}

/** Files of the host for what hooks write, as crun's annotations name them. */
function outputFiles({ annotations }: State): OutputFiles {
  return {
    stdout: annotations?.["run.oci.hooks.stdout"],
    stderr: annotations?.["run.oci.hooks.stderr"],
  };
}

function startInContainer(
  plan: Uint8Array,
  container: { readonly state: State; readonly pidfd: number; readonly cgroupFd: number },
): Starter {
  return (stdio) => {
    const init = spawnInit({
      plan,
      cloneFlags: 0,
      stdio,
      handed: [container.pidfd],
      cgroupFd: container.cgroupFd,
    });
    let { pid, pidfd } = init;
    const progress = converse(init.socket, { at: "talking", last: null }, (effect) => {
      if (effect.kind === "pass-listener") {
        return passListener(effect.fd, { state: container.state, status: "created", pid });
      }
      if (effect.kind !== "adopt") return;
      ({ pid, pidfd } = adopt(pidfd, effect.pid));
    });
    closeSync(init.socket);
    if (progress.at !== "failed") return pidfd;
    native().waitPidfd(pidfd, false);
    closeSync(pidfd);
    throw new TsrunError("HOOK", `${progress.report.text}: ${errnoText(progress.report.errno)}`);
  };
}

/** The pid of init as a process in the container sees it. */
function pidInside(pid: number, state: State): number {
  if (hasOwnPidNamespace(state)) return 1;
  const numbers = /^NSpid:(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(numbers?.trim().split(/\s+/).at(-1) ?? pid);
}
