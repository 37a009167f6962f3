import { readFileSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import type { Issue } from "./issue.ts";
import { refusal } from "./load.ts";
import { normalize } from "./normalize.ts";
import { findProblems } from "./problems.ts";
import { parseText } from "./read.ts";
import { processRules } from "./rules/process.ts";
import { process as processSchema } from "./schema/process.ts";
import type { Process } from "./types.ts";

/** A process section of config.json in a file of its own. */
export type LoadedProcess = {
  readonly process: Process;
  readonly file: string;
  readonly text: string;
};

/** Reads a process for exec from a file, which may be a pipe; refuses what a config.json with it would be refused for. */
export function loadProcess(file: string): LoadedProcess {
  const text = readProcess(file);
  const value = normalize(parseText(text, file), text);
  if (!processSchema.fits(value) || breaksRules(value as Process)) {
    const problems = findProblems({ process: value }, "create");
    throw refusal(problems.filter(isAboutProcess).map(inFile), { file, text });
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

function breaksRules(process: Process): boolean {
  let broken = false;
  for (const { create, check } of processRules) {
    if (create === "refuse") check({ process }, () => (broken = true));
  }
  return broken;
}

function isAboutProcess({ pointer }: Issue): boolean {
  return /^\/process(\/|$)/.test(pointer);
}

/** In the file the process is the whole. */
function inFile(issue: Issue): Issue {
  return { ...issue, pointer: issue.pointer.replace(/^\/process/, "") };
}
