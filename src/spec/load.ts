import { basename } from "node:path";

import { TsrunError } from "../errors.ts";
import { describeIssue, type Issue, locateIssues } from "./issue.ts";
import { normalize } from "./normalize.ts";
import { findProblems } from "./problems.ts";
import { type ConfigText, parseText, readConfig } from "./read.ts";
import { applyRules } from "./rules/index.ts";
import type { SpecDraft } from "./rules/rule.ts";
import { fitsSchema } from "./schema/check.ts";
import type { ValidSpec } from "./types.ts";

export type LoadedSpec = {
  spec: ValidSpec;
  /** Absolute path of the file. */
  file: string;
  text: string;
  /** What runc warns of, too, when it creates such a container. */
  warnings: Issue[];
};

/** More than this many problems are counted, not listed. */
const maxListed = 20;

/**
 * The configuration of a bundle, ready to be planned. Refuses what runc refuses and what cannot work; what the
 * specification forbids but runc runs is let through (`validate` tells of it).
 */
export function loadSpec(bundle: string, file?: string): LoadedSpec {
  return loadText(readConfig(bundle, file));
}

/** The same of a text, whose file is a name for messages. */
export function loadText(config: ConfigText): LoadedSpec {
  const value = normalize(parseText(config.text, config.file), config.text);
  if (!fitsSchema(value)) throw refusal(findProblems(value, "create"), config);
  const issues = applyRules(value as SpecDraft, "create");
  if (issues.some(({ severity }) => severity === "error")) {
    throw refusal(findProblems(value, "create"), config);
  }
  return { spec: value as ValidSpec, ...config, warnings: locateIssues(issues, config.text) };
}

/** The error that tells of all problems of a file. */
export function refusal(
  problems: readonly Issue[],
  { file, text }: { readonly file: string; readonly text: string },
): TsrunError {
  const errors = problems.filter(({ severity }) => severity === "error");
  const issues = locateIssues(errors, text);
  const [first, ...more] = issues;
  if (first === undefined)
    throw new TsrunError("INTERNAL", "a configuration was refused for no reason");
  if (more.length === 0) {
    return new TsrunError("CONFIG_INVALID", inFull(describeIssue(first), first), {
      pointer: first.pointer,
      position: positionOf(first, file),
      hint: first.hint,
    });
  }
  const listed = issues.slice(0, maxListed).map((issue) => {
    const place = `${basename(file)}:${issue.line}:${issue.column}`;
    return `\n${place}: ${issue.pointer}: ${inFull(issue.message, issue)}${issue.hint ? `; ${issue.hint}` : ""}`;
  });
  const rest = issues.length > maxListed ? `\nand ${issues.length - maxListed} more` : "";
  const summary = `${describeIssue(first)} (and ${more.length} more ${more.length === 1 ? "problem" : "problems"} in ${basename(file)})`;
  return new TsrunError("CONFIG_INVALID", `${summary}${listed.join("")}${rest}`, {
    hint: "`tsrun validate` explains each of them",
  });
}

// Callers look for texts that they know; what is added to these leaves them whole.
function inFull(text: string, { expected, got, message }: Issue): string {
  const parts = [
    ...(expected !== undefined && !message.includes(expected) ? [`expected ${expected}`] : []),
    ...(got !== undefined && !message.includes(got) ? [`got ${got}`] : []),
  ];
  return parts.length === 0 ? text : `${text} (${parts.join(", ")})`;
}

function positionOf({ line, column }: Issue, file: string): TsrunError["position"] {
  return line === undefined || column === undefined ? undefined : { file, line, column };
}
