// Wrong command lines: usage on stdout, what is wrong on stderr and in the log, as runc does it.
import { TsrunError } from "../errors.ts";
import { renderHelp, suggestCommand } from "./help.ts";
import { print } from "./output.ts";
import type { UsageProblem } from "./parse.ts";

/** Prints the usage that was not met and returns the error to report. */
export function showUsage(
  { text, command, hint, count }: UsageProblem,
  program: string,
): TsrunError {
  const separator = command === undefined ? ". " : ": ";
  print(`Incorrect Usage${count ? "." : separator + text}\n\n${renderHelp(command)}`);
  return new TsrunError("USAGE", count ? `${program}: ${text}` : text, { hint });
}

/** The error for a command that does not exist, with the nearest that does. */
export function unknownCommand(word: string): TsrunError {
  return new TsrunError("USAGE", `No help topic for '${word}'`, {
    hint: suggestCommand(word),
    exitCode: 3,
  });
}
