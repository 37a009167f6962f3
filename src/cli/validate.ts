import { statSync } from "node:fs";

import { checkConfig } from "../spec/check.ts";
import { issuesToJson } from "../spec/issue.ts";
import { type ConfigText, readConfig, readText } from "../spec/read.ts";
import { renderFindings } from "./findings.ts";
import type { Invocation } from "./invocation.ts";
import { print } from "./output.ts";

/** tsrun validate */
export function validate({ args, flags }: Invocation<"validate">): number {
  const { file, text } = read(args[0]!);
  const issues = checkConfig(text, file);
  print(flags.json ? `${issuesToJson(issues, file)}\n` : renderFindings(issues, { file, text }));
  return issues.some(({ severity }) => severity === "error") ? 1 : 0;
}

function read(path: string): ConfigText {
  const isFile = statSync(path).isDirectory() === false;
  return isFile ? { file: path, text: readText(path) } : readConfig(path);
}
