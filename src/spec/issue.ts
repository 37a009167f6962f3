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
    .map((issue) =>
      issue.line === undefined ? { ...issue, ...positionOf(text, issue.pointer) } : issue,
    )
    .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
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

/** The field and what is wrong with it. */
export function describeIssue({ pointer, message }: Issue): string {
  return pointer === "" ? message : `${toField(pointer)}: ${message}`;
}

function count(number: number, noun: string): string | undefined {
  return number === 0 ? undefined : `${number} ${noun}${number === 1 ? "" : "s"}`;
}
