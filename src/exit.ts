import type { Exit } from "./native.ts";

/** Signals by the words that Go has for them. */
const signalTexts: Readonly<Record<number, string>> = {
  1: "hangup",
  2: "interrupt",
  3: "quit",
  4: "illegal instruction",
  5: "trace/breakpoint trap",
  6: "aborted",
  7: "bus error",
  8: "floating point exception",
  9: "killed",
  10: "user defined signal 1",
  11: "segmentation fault",
  12: "user defined signal 2",
  13: "broken pipe",
  14: "alarm clock",
  15: "terminated",
  31: "bad system call",
};

/** How a program ended, in the words of Go's os/exec, which callers know. */
export function describeExit({ code, signaled }: Pick<Exit, "code" | "signaled">): string {
  if (!signaled) return `exit status ${code}`;
  return `signal: ${signalTexts[code] ?? `signal ${code}`}`;
}
