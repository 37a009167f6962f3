import type { Issue } from "../spec/issue.ts";

export type Source = { readonly file: string; readonly text: string };

/** Findings for people: each with its line of the file and a caret below the place, and a count at the end. */
export function renderFindings(issues: readonly Issue[], source: Source): string {
  if (issues.length === 0) return `${source.file}: no findings\n`;
  const lines = source.text.split("\n");
  const findings = issues.map((issue) => renderFinding(issue, source.file, lines));
  return `${findings.join("\n")}\n${source.file}: ${countFindings(issues)}\n`;
}

function renderFinding(issue: Issue, file: string, lines: readonly string[]): string {
  const { severity, message, pointer, rule, line, column } = issue;
  const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
  const parts = [
    `${place}: ${severity}: ${message} [${rule}]`,
    ...sourceLines(lines, line, column),
    ...(pointer ? [`  at ${pointer}`] : []),
    ...comparison(issue),
    ...(issue.hint ? [`  hint: ${issue.hint}`] : []),
  ];
  return `${parts.join("\n")}\n`;
}

const widest = 100;

/** The line and the caret; of a long line only what is around the place. */
function sourceLines(
  lines: readonly string[],
  line: number | undefined,
  column: number | undefined,
): string[] {
  const text = line === undefined ? undefined : lines[line - 1];
  if (text === undefined || column === undefined) return [];
  const from = Math.max(0, column - 1 - widest / 2);
  const shown = text
    .slice(from, from + widest)
    .trimEnd()
    .replaceAll("\t", " ");
  const margin = " ".repeat(String(line).length);
  return [`  ${line} | ${shown}`, `  ${margin} | ${" ".repeat(column - 1 - from)}^`];
}

function comparison({ expected, got }: Issue): string[] {
  if (expected === undefined) return [];
  return [`  expected ${expected}${got === undefined ? "" : `, got ${got}`}`];
}

function countFindings(issues: readonly Issue[]): string {
  const errors = issues.filter(({ severity }) => severity === "error").length;
  const warnings = issues.length - errors;
  return `${counted(errors, "error")}, ${counted(warnings, "warning")}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
