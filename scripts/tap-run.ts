// Runs test files as the programs they are, two at a time, and collects what they report.
// As a program (inside the lab): tap-run.ts RESULTS.json FILE...
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import { Parser, type Result } from "tap-parser";

export type TestResult = {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Why it was skipped, or the TAP of what failed. */
  readonly text: string;
};
export type FileResult = {
  readonly file: string;
  readonly tests: readonly TestResult[];
  readonly seconds: number;
  /** What it ran with: its own comments that begin "with ". */
  readonly notes?: readonly string[];
  /** What failed at first, when the file passed in a second run by itself. */
  readonly unstable?: readonly TestResult[];
};
export type TapRunOptions = {
  readonly env?: Record<string, string>;
  readonly jobs?: number;
  /** Seconds until a file is killed. */
  readonly timeout?: number;
  /** Named in front of each file that is done. */
  readonly label?: string;
};

/** Runs all files, those first that take longest: they are numbered 7x. */
export async function runFiles(
  files: readonly string[],
  options: TapRunOptions = {},
): Promise<FileResult[]> {
  const isLong = (file: string): boolean => /^7\d-/.test(basename(file));
  const queue = [...files.filter(isLong), ...files.filter((file) => !isLong(file))];
  const results: FileResult[] = [];
  const next = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      results.push(await runFile(file, options));
    }
  };
  await Promise.all(Array.from({ length: options.jobs ?? 2 }, next));
  return results;
}

/** More files than this that fail together are no accident. */
const mostRepeated = 3;

/**
 * Runs the few files that failed once more, with nothing beside them. What passes then counts as passed, but is
 * named at the end: on a busy machine a test can lose a race, and a real failure is one that stays.
 */
export async function repeatFailed(
  results: readonly FileResult[],
  runAgain: (files: readonly string[]) => Promise<readonly FileResult[]>,
): Promise<FileResult[]> {
  const failed = results.filter((result) => failures(result).length > 0);
  if (failed.length === 0 || failed.length > mostRepeated) return [...results];
  console.log(`once more, alone: ${failed.map(({ file }) => file).join(", ")}`);
  const second = await runAgain(failed.map(({ file }) => file));
  return results.map((result) => {
    const repeated = second.find(({ file }) => file === result.file);
    if (!failed.includes(result) || repeated === undefined) return result;
    return failures(repeated).length === 0 ? { ...repeated, unstable: failures(result) } : repeated;
  });
}

function failures({ tests }: FileResult): TestResult[] {
  return tests.filter(({ outcome }) => outcome === "failed");
}

async function runFile(file: string, options: TapRunOptions): Promise<FileResult> {
  const started = performance.now();
  const child = spawn(process.execPath, [file], {
    // the time limit is ours, below
    env: { ...process.env, TAP_TIMEOUT: "0", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), (options.timeout ?? 900) * 1000);
  let stderr = "";
  child.on("error", (error) => (stderr += error.message));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const { tests, notes } = await parseTap(child.stdout);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve([child.exitCode, child.signalCode]);
    }
    child.on("close", (...end: [number | null, string | null]) => resolve(end));
  });
  clearTimeout(timer);
  const complaint = complain(tests, code, signal);
  if (complaint !== null) {
    tests.push({ name: "(the file)", outcome: "failed", text: `${complaint}\n${stderr}` });
  }
  const result = { file, tests, notes, seconds: (performance.now() - started) / 1000 };
  report(result, options.label ?? "");
  return result;
}

/** What is wrong with how a file ended, beyond its failed tests. */
function complain(tests: readonly TestResult[], code: number | null, signal: string | null) {
  if (signal !== null) return `ended by ${signal}: it hung or crashed`;
  if (tests.length === 0) return `has no tests (exit status ${code})`;
  const failed = tests.some(({ outcome }) => outcome === "failed");
  return code !== 0 && !failed ? `exit status ${code} although no test failed` : null;
}

type Parsed = { readonly tests: TestResult[]; readonly notes: string[] };

async function parseTap(stream: NodeJS.ReadableStream): Promise<Parsed> {
  const tests: TestResult[] = [];
  const notes: string[] = [];
  let lines: string[] = [];
  const parser = new Parser();
  parser.on("line", (line: string) => lines.push(line));
  parser.on("comment", (text: string) => {
    const note = /^# (with .*)/.exec(text);
    if (note !== null) notes.push(note[1]!);
  });
  parser.on("assert", (result: Result) => {
    tests.push(toTest(result, lines));
    lines = [];
  });
  const done = new Promise((resolve) => parser.on("complete", resolve));
  stream.on("data", (chunk: Buffer) => parser.write(chunk));
  stream.on("end", () => parser.end());
  await done;
  return { tests, notes };
}

function toTest(result: Result, lines: readonly string[]): TestResult {
  const { name } = result;
  if (result.skip !== false) {
    const reason = typeof result.skip === "string" ? result.skip.trim() : "";
    if (reason !== "") return { name, outcome: "skipped", text: reason };
    return { name, outcome: "failed", text: "skipped without a reason" };
  }
  if (result.ok && result.todo === false) return { name, outcome: "passed", text: "" };
  return { name, outcome: "failed", text: failureLines(lines).join("\n") };
}

/** The TAP of a failed test without what passed in it. */
function failureLines(lines: readonly string[]): string[] {
  return lines
    .flatMap((line) => line.split("\n"))
    .filter((line) => line.trim() !== "" && !/^\s*(ok \d|TAP version|# Subtest)/.test(line))
    .slice(0, 200);
}

function report({ file, tests, notes = [], seconds }: FileResult, label: string): void {
  const count = (outcome: string) => tests.filter((test) => test.outcome === outcome).length;
  const failed = count("failed");
  const skipped = count("skipped");
  const parts = [
    `${count("passed")} passed`,
    ...(failed > 0 ? [`${failed} FAILED`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  const mark = failed > 0 ? "not ok" : "ok    ";
  console.log(`${mark} ${label} ${file}: ${parts.join(", ")} (${seconds.toFixed(1)} s)`);
  for (const note of notes) console.log(`         ${note}`);
}

if (import.meta.main) {
  const [resultsFile, ...files] = process.argv.slice(2);
  const options = { jobs: 1, timeout: 600, label: "lab" };
  const runAll = (chosen: readonly string[]) => runFiles(chosen, options);
  const keep = (results: readonly FileResult[]) =>
    writeFileSync(resultsFile!, JSON.stringify(results));
  const first = await runAll(files);
  keep(first); // the time of the lab may end during what comes
  keep(await repeatFailed(first, runAll));
}
