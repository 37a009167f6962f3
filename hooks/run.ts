import { TsrunError } from "../src/errors.ts";
import { reasonOf } from "../src/errno.ts";
import { describeExit } from "../src/exit.ts";
import { type OutputFiles, runProgram, runWith, type Starter } from "../src/lifecycle/program.ts";
import type { Ending } from "../src/lifecycle/supervise.ts";
import type { Hook, HookName } from "../src/spec/types.ts";

/** One hook in its place: `hooks.KIND[INDEX]` of config.json. */
export type HookCall = {
  readonly kind: HookName;
  readonly index: number;
  readonly hook: Hook;
  /** The state of the container, as the hook reads it on its stdin. */
  readonly state: string;
  readonly cwd?: string;
  /** Files that its output is appended to, instead of being kept for the error. */
  readonly output?: OutputFiles;
};

/** Runs a hook in the runtime's namespaces; throws when it fails. */
export function runHook(call: HookCall): void {
  const { hook } = call;
  judge(call, () =>
    runProgram({
      file: hook.path,
      argv: hook.args?.length ? hook.args : [hook.path],
      env: hook.env ?? ownEnvironment(),
      cwd: call.cwd,
      input: Buffer.from(call.state),
      timeoutMs: timeoutOf(hook),
      output: call.output,
    }),
  );
}

/** Runs a hook that `start` starts in the container's namespaces; throws when it fails. */
export function runHookWith(call: HookCall, start: Starter): void {
  judge(call, () =>
    runWith(
      {
        input: Buffer.from(call.state),
        timeoutMs: timeoutOf(call.hook),
        output: call.output,
      },
      start,
    ),
  );
}

function judge(call: HookCall, run: () => Ending): void {
  let ending: Ending;
  try {
    ending = run();
  } catch (error) {
    if (error instanceof TsrunError) throw hookError(call, error.message, error);
    throw hookError(call, `fork/exec: ${reasonOf(error)}`, error);
  }
  const reason = describeFailure(ending, call.hook);
  if (reason !== undefined) throw hookError(call, reason);
}

/** What went wrong with a hook, or undefined when it ended with 0 in time. */
export function describeFailure(ending: Ending, hook: Hook): string | undefined {
  if (ending.timedOut) {
    return [
      `hook ran past specified timeout of ${(hook.timeout ?? 0).toFixed(1)}s`,
      ...outputOf(ending),
    ].join(", ");
  }
  if (!ending.exit.signaled && ending.exit.code === 0) return undefined;
  return [
    describeExit(ending.exit),
    ...outputOf(ending),
    `after ${Math.round(ending.durationMs)} ms`,
  ].join(", ");
}

function outputOf({ stdout, stderr }: Ending): string[] {
  return [...(stdout ? [`stdout: ${stdout}`] : []), ...(stderr ? [`stderr: ${stderr}`] : [])];
}

function hookError({ kind, index, hook }: HookCall, reason: string, cause?: unknown): TsrunError {
  const message = `error running ${kind} hook #${index}: ${hook.path}: ${reason}`;
  return new TsrunError("HOOK", message, { pointer: `/hooks/${kind}/${index}`, cause });
}

function timeoutOf(hook: Hook): number | undefined {
  return hook.timeout === undefined ? undefined : hook.timeout * 1000;
}

/** A hook without `env` gets the runtime's environment, without what the launcher notes there. */
function ownEnvironment(): string[] {
  return Object.entries(process.env)
    .filter(([name]) => !name.startsWith("TSRUN_"))
    .map(([name, value]) => `${name}=${value}`);
}
