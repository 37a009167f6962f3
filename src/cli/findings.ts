import { countIssues, describeIssue, type Issue } from "../spec/issue.ts";

export type Source = { readonly file: string; readonly text: string };

/** Findings for people: each with its line of the file and a caret below the place, and a count at the end. */
export function renderFindings(issues: readonly Issue[], source: Source): string {
  if (issues.length === 0) return `${source.file}: nothing to complain about\n`;
  const lines = source.text.split("\n");
  const findings = issues.map((issue) => renderFinding(issue, source.file, lines));
  return `${findings.join("\n")}\n${source.file}: ${countIssues(issues)}\n`;
}

function renderFinding(issue: Issue, file: string, lines: readonly string[]): string {
  const { severity, rule, line, column = 1 } = issue;
  const place = line === undefined ? file : `${file}:${line}:${column}`;
  return [
    `${place}: ${severity}: ${describeIssue(issue)} [${rule}]\n`,
    line === undefined ? "" : renderPlace(lines[line - 1], line, column),
    ...explanations(issue).map(([label, text]) => `  ${`${label}:`.padEnd(9)} ${text}\n`),
  ].join("");
}

function explanations(issue: Issue): [label: string, text: string][] {
  const { expected, got, hint, section, tolerated } = issue;
  const note = tolerated ? "the container runs all the same, as it does with runc" : undefined;
  const all = { expected, got, hint, see: section, note };
  return Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
}

const widest = 100;

/** The line and a caret; of a long line only what is around the place. */
function renderPlace(text: string | undefined, line: number, column: number): string {
  if (!text) return "";
  const from = Math.max(0, column - 1 - widest / 2);
  const shown = text.slice(from, from + widest).replaceAll("\t", " ");
  const margin = " ".repeat(String(line).length);
  return `  ${line} | ${shown.trimEnd()}\n  ${margin} | ${" ".repeat(column - 1 - from)}^\n`;
}
