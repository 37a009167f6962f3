// Wrong command lines: usage on stdout, what is wrong on stderr and in the log, as runc does it.
import { TsrunError } from "../errors.ts";
import { renderHelp, suggest } from "./help.ts";
import { print } from "./output.ts";
import type { UsageProblem } from "./parse.ts";

/** Prints the usage that was not met and returns the error to report. */
export function showUsage(problem: UsageProblem, program: string): TsrunError {
  const { text, command, count } = problem;
  const separator = command === undefined ? ". " : ": ";
  print(`Incorrect Usage${count ? "." : separator + text}\n\n${renderHelp(command)}`);
  const hint = problem.hint ?? suggestFlag(problem);
  return new TsrunError("USAGE", count ? `${program}: ${text}` : text, { hint });
}

function suggestFlag({ command, unknownFlag }: UsageProblem): string | undefined {
  if (unknownFlag === undefined) return undefined;
  return suggest(...(command === undefined ? [] : [command.name]), `--${unknownFlag}`);
}

/** The error for a command that does not exist, with the nearest that does. */
export function unknownCommand(word: string): TsrunError {
  return new TsrunError("USAGE", `No help topic for '${word}'`, {
    hint: suggest(word),
    exitCode: 3,
  });
}
