import { statSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { checkConfig, syntaxIssue } from "../spec/check.ts";
import { type Issue, issuesToJson } from "../spec/issue.ts";
import { readConfig, readText } from "../spec/read.ts";
import { renderFindings } from "./findings.ts";
import type { Invocation } from "./invocation.ts";
import { print } from "./output.ts";

/** tsrun validate */
export function validate({ args, flags }: Invocation<"validate">): number {
  const { file, text, issues } = check(args[0]!);
  print(flags.json ? `${issuesToJson(issues, file)}\n` : renderFindings(issues, { file, text }));
  return issues.some(({ severity }) => severity === "error") ? 1 : 0;
}

type Checked = { readonly file: string; readonly text: string; readonly issues: Issue[] };

function check(path: string): Checked {
  try {
    const isBundle = statSync(path).isDirectory();
    const { file, text } = isBundle ? readConfig(path) : { file: path, text: readText(path) };
    return { file, text, issues: checkConfig(text, file) };
  } catch (error) {
    // Bytes that are no text at all are a finding as well; what cannot be read is not.
    if (!(error instanceof TsrunError) || error.code !== "CONFIG_SYNTAX") throw error;
    return { file: path, text: "", issues: [syntaxIssue(error)] };
  }
}
