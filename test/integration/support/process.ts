import { readFileSync, readdirSync } from "node:fs";

/** Whether the process is there and no zombie: its parent may be slow to reap. */
export function isAlive(pid: number): boolean {
  const state = processState(pid);
  return state !== null && state !== "Z" && state !== "X";
}

function processState(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)![0]!;
  } catch {
    return null;
  }
}

/** Fields of /proc/PID/status by name. */
export function statusFields(text: string): Record<string, string> {
  const lines = text.split("\n").filter((line) => line.includes(":\t"));
  return Object.fromEntries(lines.map((line) => line.split(/:\t/) as [string, string]));
}

/** Pids of all living processes whose command line contains the text. */
export function processesWith(text: string): number[] {
  return livingProcesses().filter((pid) => commandLine(pid).includes(text));
}

/** Pids of all processes that are no zombies. */
export function livingProcesses(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isAlive(pid));
}

/** The command line with spaces between its words. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}
