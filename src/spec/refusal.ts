// What is said of a text that is refused. Only who refuses one needs this, and zod with it.
import { basename } from "node:path";

import { TsrunError } from "../errors.ts";
import { describeIssue, type Issue, locateIssues } from "./issue.ts";
import { findProblems } from "./problems.ts";
import { type Wrong, wrongOf } from "./wrong.ts";

/** More than this many problems are counted, not listed. */
const maxListed = 20;

/** An error of refuseWrong becomes one that tells of all that is wrong; every other stays as it is. */
export function explainRefusal(error: unknown): unknown {
  const wrong = wrongOf(error);
  if (wrong === undefined) return error;
  const problems = wrong.part === "config" ? findProblems(wrong.wrong, "create") : inProcess(wrong);
  return refusal(problems, wrong);
}

function inProcess({ wrong }: Wrong): Issue[] {
  return findProblems({ process: wrong }, "create").filter(isAboutProcess).map(inFile);
}

function isAboutProcess({ pointer }: Issue): boolean {
  return /^\/process(\/|$)/.test(pointer);
}

/** In the file the process is the whole. */
function inFile(issue: Issue): Issue {
  return { ...issue, pointer: issue.pointer.replace(/^\/process/, "") };
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
