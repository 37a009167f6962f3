import type { Test } from "tap";
import { execute, kind, run } from "../../integration/support/runtime.ts";

/** Programs by name with the words that make them tell their version. */
type Programs = Readonly<Record<string, readonly string[]>>;

/**
 * The first call of each file: says what it runs with, and fails outside of the lab, where daemons would meet the
 * machine's own.
 */
export function begin(t: Test, programs: Programs): void {
  if (process.env.TSRUN_LAB_INSIDE === undefined) {
    throw new Error("tests with engines run in the lab: npm run engines");
  }
  t.setTimeout(900_000);
  const found = Object.entries(programs).map(([name, words]) => versionOf(name, words));
  t.comment(`with ${[runtimeVersion(), ...found].join(", ")}`);
}

function runtimeVersion(): string {
  return `${kind} ${firstNumber(run(["--version"]).stdout)}`;
}

function versionOf(name: string, words: readonly string[]): string {
  const { status, stdout, stderr } = execute(name, words);
  if (status !== 0) throw new Error(`${name} ${words.join(" ")}: ${stderr || "cannot be run"}`);
  return `${name} ${firstNumber(stdout + stderr)}`;
}

function firstNumber(text: string): string {
  return /\d+\.\d+(\.\d+)?[^\s,)]*/.exec(text)?.[0] ?? `(no version in ${text.trim()})`;
}
