import { CLONE_NEWPID, CLONE_NEWUSER } from "../linux.ts";
import type { Hook } from "../spec/types.ts";
import { describe } from "./context.ts";
import { environmentValue } from "./environment.ts";
import { joinContainer } from "./exec.ts";
import type { Plan, PlannedOp } from "./plan.ts";

export type HookPlanOptions = {
  /** CLONE_NEW* of the container's namespaces. */
  readonly namespaces: number;
  readonly cwd: string;
};

/** A createContainer hook: a program of the runtime's file system, in the container's namespaces. */
export function planContainerHook(hook: Hook, { namespaces, cwd }: HookPlanOptions): Plan {
  const { path, env = [] } = hook;
  const origin = "/hooks/createContainer";
  const args = hook.args?.length ? hook.args : [path];
  const ops: PlannedOp[] = joinContainer(0, namespaces);
  if ((namespaces & CLONE_NEWUSER) !== 0) {
    const what = "become root in the user namespace";
    ops.push(...describe(origin, what, { op: "become_root", clearGroups: 0 }));
  }
  if ((namespaces & CLONE_NEWPID) !== 0) {
    ops.push(...describe(origin, "start the second stage", { op: "fork" }));
  }
  const enter = { op: "chdir", path: cwd, create: 0, uid: 0, gid: 0 } as const;
  const find = { op: "find_program", file: path, search: environmentValue(env, "PATH") } as const;
  ops.push(
    ...describe(origin, `change directory to ${cwd}`, enter),
    ...describe(origin, `find program ${path}`, find),
    ...describe("", "report that the hook is ready", { op: "ready" }),
    ...describe(origin, `execute ${args.join(" ")}`, { op: "exec", args, env }),
  );
  return {
    kind: "hook",
    cloneFlags: 0,
    fds: [{ kind: "container-pidfd" }],
    ops,
    host: { rlimits: [], netDevices: [], console: false },
    warnings: [],
  };
}
