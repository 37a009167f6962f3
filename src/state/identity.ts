import { readFileSync } from "node:fs";

import type { ProcessIdentity } from "./state.ts";

/** One process as /proc/PID/stat shows it: its state letter and its start time. */
export type ProcessStat = { readonly letter: string; readonly startTime: number };

/** Reads fields 3 and 22 of a /proc/PID/stat line; the command name may hold anything, even ") R 1". */
export function parseProcessStat(text: string): ProcessStat | undefined {
  const afterName = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const letter = afterName[0];
  const startTime = Number(afterName[19]);
  if (!letter || !Number.isFinite(startTime)) return undefined;
  return { letter, startTime };
}

/** The stat of a process, or undefined when there is none with this pid. */
export function readProcessStat(pid: number): ProcessStat | undefined {
  try {
    return parseProcessStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return undefined; // gone: ENOENT, or ESRCH when it ends while we read
  }
}

/** Whether exactly this process still runs; a zombie does not. */
export function isAlive(identity: ProcessIdentity | null): boolean {
  if (identity === null) return false;
  const stat = readProcessStat(identity.pid);
  return (
    stat !== undefined &&
    stat.startTime === identity.startTime &&
    stat.letter !== "Z" &&
    stat.letter !== "X"
  );
}
