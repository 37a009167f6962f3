import { native } from "../native.ts";

/** Whether a person is likely to read what is written to the descriptor. */
export function isTerminal(fd: number): boolean {
  try {
    return native().isTerminal(fd);
  } catch {
    return false; // no addon: plain records are readable as well
  }
}

const colours = { error: 31, warning: 33 };

/** What a person gets in place of a log record. */
export function formatForPeople(level: "error" | "warning", text: string): string {
  const label = `${level}:`;
  return process.env["NO_COLOR"]
    ? `${label} ${text}`
    : `\x1b[${colours[level]}m${label}\x1b[0m ${text}`;
}
