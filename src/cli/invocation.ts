import type { Log } from "./log.ts";
import type { CommandName, CommandValues, GlobalValues } from "./program.ts";
import type { StateRoot } from "./root.ts";

/** A command as its file gets it: read, counted and with the state root known. */
export type Invocation<Name extends CommandName> = {
  readonly globals: GlobalValues;
  readonly flags: CommandValues<Name>;
  readonly args: readonly string[];
  readonly root: StateRoot;
  readonly log: Log;
};
