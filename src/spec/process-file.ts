import { readFileSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import { normalize } from "./normalize.ts";
import { parseText } from "./read.ts";
import { processRules } from "./rules/process.ts";
import { process as processSchema } from "./schema/process.ts";
import type { Process } from "./types.ts";
import { refuseWrong } from "./wrong.ts";

/** A process section of config.json in a file of its own. */
export type LoadedProcess = {
  readonly process: Process;
  readonly file: string;
  readonly text: string;
};

/** Reads a process for exec from a file, which may be a pipe. Refuses what a config.json would be refused for. */
export function loadProcess(file: string): LoadedProcess {
  const text = readProcess(file);
  const value = normalize(parseText(text, file), text);
  if (!processSchema.fits(value) || !keepsRules(value as Process)) {
    throw refuseWrong({ wrong: value, part: "process", file, text });
  }
  return { process: value as Process, file, text };
}

function readProcess(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new TsrunError("USAGE", `open ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

function keepsRules(process: Process): boolean {
  let broken = 0;
  for (const { create, check } of processRules) {
    if (create === "refuse") check({ process }, () => (broken += 1));
  }
  return broken === 0;
}
