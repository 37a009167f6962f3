import { positionOf, toField } from "./positions.ts";

/** One finding about config.json. */
export type Issue = {
  severity: "error" | "warning";
  /** Id of the rule that found it, such as "rlimit-duplicate". */
  rule: string;
  /** JSON pointer to where it is; "" is the whole file. */
  pointer: string;
  /** What is wrong, one sentence without a full stop. */
  message: string;
  expected?: string;
  got?: string;
  /** What to do about it. */
  hint?: string;
  /** Section of the specification. */
  section?: string;
  /** `create` runs the container all the same, as runc does. */
  tolerated?: boolean;
  line?: number;
  column?: number;
};

/** Fills in line and column, and sorts by them: people read a file from its top. */
export function locateIssues(issues: readonly Issue[], text: string): Issue[] {
  return issues
    .map((issue) => (issue.line === undefined ? { ...issue, ...positionOf(text, issue.pointer) } : issue))
    .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

/** The issues as text, as compilers print theirs, with a last line that counts them. "" when there are none. */
export function renderIssues(issues: readonly Issue[], file: string): string {
  if (issues.length === 0) return "";
  return `${issues.map((issue) => renderIssue(issue, file)).join("")}${countIssues(issues)}\n`;
}

/** The issues for programs. */
export function issuesToJson(issues: readonly Issue[], file: string): string {
  const errors = issues.filter(({ severity }) => severity === "error").length;
  const valid = errors === 0;
  return JSON.stringify({ file, valid, errors, warnings: issues.length - errors, issues }, null, 2);
}

/** "2 errors, 1 warning" */
export function countIssues(issues: readonly Issue[]): string {
  const errors = issues.filter(({ severity }) => severity === "error").length;
  const parts = [count(errors, "error"), count(issues.length - errors, "warning")];
  return parts.filter((part) => part !== undefined).join(", ");
}

function renderIssue(issue: Issue, file: string): string {
  const place = issue.line === undefined ? file : `${file}:${issue.line}:${issue.column}`;
  const lines = [`${place}: ${issue.severity}: ${describeIssue(issue)} [${issue.rule}]`];
  if (issue.expected !== undefined) lines.push(`  expected: ${issue.expected}`);
  if (issue.got !== undefined) lines.push(`  got:      ${issue.got}`);
  if (issue.hint !== undefined) lines.push(`  hint:     ${issue.hint}`);
  if (issue.section !== undefined) lines.push(`  see:      ${issue.section}`);
  if (issue.tolerated) lines.push("  note:     the container runs all the same, as it does with runc");
  return `${lines.join("\n")}\n`;
}

/** The field and what is wrong with it. */
export function describeIssue({ pointer, message }: Issue): string {
  return pointer === "" ? message : `${toField(pointer)}: ${message}`;
}

function count(number: number, noun: string): string | undefined {
  return number === 0 ? undefined : `${number} ${noun}${number === 1 ? "" : "s"}`;
}
