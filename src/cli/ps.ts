import { TsrunError } from "../errors.ts";
import { listProcesses } from "../lifecycle/processes.ts";
import { describeExit } from "../exit.ts";
import { findHostProgram, runProgram } from "../lifecycle/program.ts";
import type { Invocation } from "./invocation.ts";
import { print, writeAll } from "./output.ts";

/** More than any machine has to list. */
const mostOutput = 1 << 30;

/** tsrun ps */
export function ps({ args, flags, root }: Invocation<"ps">): number {
  const [id, ...options] = args;
  const pids = listProcesses({ root: root.path, id: id! });
  switch (flags.format) {
    case "json":
      print(`${JSON.stringify(pids.length === 0 ? null : pids)}\n`);
      return 0;
    case "table":
      print(selectProcesses(runHostPs(options.length === 0 ? ["-ef"] : options), pids));
      return 0;
    default:
      throw new TsrunError("USAGE", "invalid format option", {
        hint: "--format is table or json",
      });
  }
}

function runHostPs(options: readonly string[]): string {
  const file = findHostProgram("ps");
  if (file === undefined) throw noPs();
  const env = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
  const ending = runProgram({ file, argv: ["ps", ...options], env, keptBytes: mostOutput });
  const { exit, stdout, stderr } = ending;
  if (exit.signaled || exit.code !== 0) {
    throw new TsrunError("HOST", `${describeExit(ending.exit)}: ${stdout}${stderr}`, {
      hint: `it was the host's ps that failed: ps ${options.join(" ")}`,
    });
  }
  if (stderr !== "") writeAll(2, `${stderr}\n`);
  return stdout;
}

function noPs(): TsrunError {
  return new TsrunError("HOST", 'exec: "ps": executable file not found in $PATH', {
    hint: "the table is made by the host's ps (package procps); --format json does without",
  });
}

/** The title of a listing by ps, and of its lines those whose PID column names one of these processes. */
export function selectProcesses(listing: string, pids: readonly number[]): string {
  const [title = "", ...lines] = listing.split("\n");
  const column = fields(title).indexOf("PID");
  if (column === -1) {
    throw new TsrunError("HOST", "couldn't find PID field in ps output", {
      hint: "choose ps options whose output has a column titled PID",
    });
  }
  const wanted = new Set(pids);
  const selected = lines.filter((line) => line !== "" && wanted.has(readPid(line, column)));
  return [title, ...selected].map((line) => `${line}\n`).join("");
}

function readPid(line: string, column: number): number {
  const text = fields(line)[column] ?? "";
  if (/^\d+$/.test(text)) return Number(text);
  throw new TsrunError("HOST", `unable to parse pid: ${JSON.stringify(text)} is no number`, {
    hint: "ps options that fill a column before PID with spaces, or leave it empty, cannot be read; put pid first",
  });
}

function fields(line: string): string[] {
  return line.split(/\s+/).filter((field) => field !== "");
}
