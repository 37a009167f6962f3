import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import { checkConfig } from "../spec/check.ts";
import { issuesToJson } from "../spec/issue.ts";
import { renderFindings } from "./findings.ts";
import type { Invocation } from "./invocation.ts";
import { print } from "./output.ts";

/** tsrun validate */
export function validate({ args, flags }: Invocation<"validate">): number {
  const { file, text } = readConfig(args[0]!);
  const issues = checkConfig(text, file);
  print(flags.json ? `${issuesToJson(issues, file)}\n` : renderFindings(issues, { file, text }));
  return issues.some(({ severity }) => severity === "error") ? 1 : 0;
}

function readConfig(path: string): { file: string; text: string } {
  try {
    const file = statSync(path).isDirectory() ? join(path, "config.json") : path;
    return { file, text: readFileSync(file, "utf8") };
  } catch (error) {
    throw new TsrunError("BUNDLE", `open ${path}: ${reasonOf(error)}`, {
      cause: error,
      hint: "give a config.json or the directory of one",
    });
  }
}
