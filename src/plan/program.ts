import type { ProcessFacts } from "../host/facts.ts";
import type { CompiledSeccomp } from "../seccomp/compile.ts";
import type { Process, Spec } from "../spec/types.ts";
import { describe, type Warning } from "./context.ts";
import { planCredentials } from "./credentials.ts";
import { environmentValue } from "./environment.ts";
import type { PlannedOp } from "./plan.ts";
import { planScheduling } from "./process.ts";
import { planLabels, planNoNewPrivileges, planSeccomp } from "./security.ts";
import type { Op } from "./wire.ts";

export type ProgramOptions = {
  readonly spec: Spec;
  readonly facts: ProcessFacts;
  readonly warnings: Warning[];
  readonly env: readonly string[];
  readonly seccomp: CompiledSeccomp | null;
  /** Slot of a private procfs, when labels are to be written. */
  readonly proc: number | null;
  /** Slots that the program must not be able to reach, and those it gets as 3, 4 ... */
  readonly close: readonly number[];
  readonly preserved: readonly number[];
  /** Before a filter that may forbid it. */
  readonly visible?: readonly PlannedOp[];
  /** What init says and waits for before it becomes the program. */
  readonly ending: readonly PlannedOp[];
  /** A working directory that is missing is made: for the container's own process. */
  readonly makesDirectory: boolean;
  /** The file to execute where it is not that of the first argument. */
  readonly program?: string;
};

/** chdir: make what is missing; leave what may not be entered to the next chdir. */
const CHDIR_CREATE = 1;
const CHDIR_TOLERANT = 2;

/** From the privileged init to the user's program. */
export function planProgram(process: Process, options: ProgramOptions): PlannedOp[] {
  const { spec, facts, warnings, env, seccomp, proc } = options;
  const args = process.args ?? [];
  const file = options.program ?? args[0] ?? "";
  const search = environmentValue(env, "PATH");
  const origin = "/process/args";
  const directory = planDirectory(process, options);
  return [
    ...planScheduling(process, spec.linux, warnings),
    ...planLabels(process, proc),
    ...planNoNewPrivileges(process),
    ...closeSlots(options.close),
    ...keepDescriptors(options.preserved),
    ...planCredentials({
      process,
      spec,
      facts,
      warnings,
      // The directory is looked at first: a filter may forbid that.
      beforeUser: [...directory.beforeUser, ...planSeccomp(process, seccomp, "privileged")],
      afterUser: directory.afterUser,
    }),
    ...(args.length === 0
      ? []
      : describe(`${origin}/0`, `find program ${file}`, { op: "find_program", file, search })),
    ...(options.visible ?? []),
    ...planSeccomp(process, seccomp, "last"),
    ...options.ending,
    ...(args.length === 0
      ? []
      : describe(origin, `execute ${args.join(" ")}`, { op: "exec", args, env })),
  ];
}

/** The working directory: entered while init may enter any; where it may not, once more as the user. */
function planDirectory(
  process: Process,
  { makesDirectory }: ProgramOptions,
): { beforeUser: PlannedOp[]; afterUser: PlannedOp[] } {
  const { uid = 0 } = process.user ?? {};
  const path = process.cwd;
  const enter = (create: number): Op => ({ op: "chdir", path, create, uid: 0, gid: 0 });
  const owner = process.terminal
    ? [] // the console has its owner
    : describe("/process/user", `give stdio to user ${uid}`, { op: "stdio_owner", uid });
  const what = `change directory to ${path}`;
  const first = enter((makesDirectory ? CHDIR_CREATE : 0) | CHDIR_TOLERANT);
  return {
    beforeUser: [...owner, ...describe("/process/cwd", what, first)],
    afterUser: describe("/process/cwd", `check directory ${path}`, enter(0)),
  };
}

function closeSlots(slots: readonly number[]): PlannedOp[] {
  return slots.flatMap((slot) =>
    describe("", "close what leads out of the container", { op: "close", slot }),
  );
}

function keepDescriptors(preserved: readonly number[]): PlannedOp[] {
  if (preserved.length === 0) return [];
  const slots = new Uint8Array(Uint32Array.from(preserved).buffer);
  const what = `hand descriptors 3 to ${preserved.length + 2} to the program`;
  return describe("", what, { op: "keep_fds", slots });
}
