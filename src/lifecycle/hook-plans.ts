import { encodePlan } from "../plan/encode.ts";
import { planExec } from "../plan/exec.ts";
import { planContainerHook } from "../plan/hook.ts";
import { namespaceFlags } from "../plan/namespaces.ts";
import { homeFor } from "./home.ts";
import type { ContainerHook } from "./hooks.ts";
import type { Intent } from "./prepare.ts";
import { buildIdBytes } from "./spawn.ts";

/** Plans of the createContainer hooks: in the container's namespaces, but with the runtime's root still. */
export function planCreateHooks(intent: Intent): ContainerHook[] {
  const { spec } = intent.loaded;
  const options = { namespaces: namespaceFlags(spec.linux?.namespaces), cwd: intent.rootfs };
  return (spec.hooks?.createContainer ?? []).map((hook) => ({
    hook,
    plan: encodePlan(planContainerHook(hook, options), buildIdBytes()),
  }));
}

/** Plans of the startContainer hooks: programs of the image, with no more rights than the user's process. */
export function planStartHooks(intent: Intent): ContainerHook[] {
  const { spec } = intent.loaded;
  const { process } = spec;
  if (process === undefined) return [];
  return (spec.hooks?.startContainer ?? []).map((hook) => {
    const asProcess = {
      ...process,
      args: hook.args?.length ? hook.args : [hook.path],
      env: hook.env ?? process.env,
      terminal: false,
      execCPUAffinity: undefined,
    };
    const plan = planExec(asProcess, spec, intent.facts, {
      namespaces: namespaceFlags(spec.linux?.namespaces),
      preserveFds: 0,
      seccomp: intent.seccomp,
      rootfs: intent.rootfs,
      program: hook.path,
      home: hook.env === undefined ? homeFor(process, intent.rootfs) : undefined,
      terminal: false,
      waits: false,
    });
    return { hook, plan: encodePlan(plan, buildIdBytes()) };
  });
}
