import { TsrunError } from "../errors.ts";

/** What refuses to start a container whose config.json has no process (runtime.md, Start). */
export function lacksProcess(): TsrunError {
  return new TsrunError("CONFIG_INVALID", "process property must not be empty", {
    pointer: "/process",
    hint: "say what to run: process.args and process.cwd",
  });
}
