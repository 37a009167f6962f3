import type { Invocation } from "./invocation.ts";
import type { CommandName } from "./program.ts";

/** Commands that do something; help has been dealt with before. */
export type Verb = Exclude<CommandName, "help">;
type Run<Name extends CommandName> = (invocation: Invocation<Name>) => number | Promise<number>;

/** Each command's function, which returns the exit status. A command loads only what it needs itself. */
export const verbs: { readonly [Name in Verb]: () => Promise<Run<Name>> } = {
  checkpoint: async () => (await import("./checkpoint.ts")).checkpoint,
  create: async () => (await import("./create.ts")).create,
  delete: async () => (await import("./delete.ts")).deleteCommand,
  exec: async () => (await import("./exec.ts")).exec,
  events: async () => (await import("./events.ts")).events,
  explain: async () => (await import("./explain.ts")).explain,
  features: async () => (await import("./features.ts")).features,
  kill: async () => (await import("./kill.ts")).kill,
  list: async () => (await import("./list.ts")).list,
  pause: async () => (await import("./pause.ts")).pause,
  ps: async () => (await import("./ps.ts")).ps,
  restore: async () => (await import("./restore.ts")).restore,
  resume: async () => (await import("./resume.ts")).resume,
  run: async () => (await import("./run.ts")).run,
  spec: async () => (await import("./spec.ts")).spec,
  start: async () => (await import("./start.ts")).start,
  state: async () => (await import("./state.ts")).state,
  update: async () => (await import("./update.ts")).update,
  validate: async () => (await import("./validate.ts")).validate,
};

/** Runs a command that has been read. */
export async function runVerb<Name extends Verb>(
  name: Name,
  invocation: Invocation<Name>,
): Promise<number> {
  const run = await verbs[name]();
  return run(invocation);
}
