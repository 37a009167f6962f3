// What a suite came to: read from the TAP of a run, and kept in results/SUITE.RUNTIME.json.
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Parser, type Result } from "tap-parser";

export const suiteNames = ["runc-bats", "runc-bats-systemd", "runtime-tools"] as const;
export type SuiteName = (typeof suiteNames)[number];

export type Outcome = "pass" | "fail" | "skip";

/** Outcomes by the name of a test. A program of runtime-tools is one test, named by how many of its lines are ok. */
export type FileOutcomes = Readonly<Record<string, Outcome>>;

export type SuiteResults = {
  /** The version of the suite and of the runtime. */
  readonly suite: string;
  readonly runtime: string;
  readonly files: Readonly<Record<string, FileOutcomes>>;
};

/** Whether a word names a suite. */
export function isSuiteName(word: string | undefined): word is SuiteName {
  return suiteNames.some((name) => name === word);
}

/** The outcomes of all files that a run left in a directory. */
export function readRun(suite: SuiteName, directory: string): Record<string, FileOutcomes> {
  const read = suite === "runtime-tools" ? readProgram : readBats;
  const files = globSync("*.tap", { cwd: directory }).sort();
  return Object.fromEntries(
    files.map((file) => [basename(file, ".tap"), read(join(directory, file))]),
  );
}

function readTap(file: string): Result[] {
  const results: Result[] = [];
  const parser = new Parser({ strict: false });
  parser.on("assert", (result: Result) => results.push(result));
  parser.end(readFileSync(file, "utf8"));
  return results;
}

function outcomeOf({ ok, skip, todo }: Result): Outcome {
  if (skip !== false) return "skip";
  return ok || todo !== false ? "pass" : "fail";
}

/** A test that never reported is in no list, and so counts as failed for whoever expected it. */
function readBats(file: string): FileOutcomes {
  return Object.fromEntries(readTap(file).map((result) => [result.name, outcomeOf(result)]));
}

/**
 * Some of these programs report by their exit status, or by an error in a block of YAML, and never by a line of TAP: then
 * an error is a failure, and silence is none.
 */
function readProgram(file: string): FileOutcomes {
  const outcomes = readTap(file).map(outcomeOf);
  const failed = outcomes.filter((outcome) => outcome === "fail").length;
  const passed = outcomes.filter((outcome) => outcome === "pass").length;
  const status = readFileSync(file.replace(/tap$/, "status"), "utf8").trim();
  const complains = passed + failed === 0 && /^ +"error":/m.test(readFileSync(file, "utf8"));
  const allSkipped = passed + failed === 0 && outcomes.length > 0;
  if (failed === 0 && status === "0" && !complains) {
    return { [programTest]: allSkipped ? "skip" : "pass" };
  }
  return { [programTest]: "fail" };
}

const programTest = "all that it validates";

const directory = join(import.meta.dirname, "results");
const fileOf = (suite: SuiteName, runtime: string): string =>
  join(directory, `${suite}.${runtime}.json`);

/** What was recorded of a suite with a runtime; undefined when nothing was. */
export function readRecorded(suite: SuiteName, runtime: string): SuiteResults | undefined {
  const file = fileOf(suite, runtime);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as SuiteResults) : undefined;
}

/** Records results. */
export function writeRecorded(suite: SuiteName, runtime: string, results: SuiteResults): void {
  const sorted = Object.entries(results.files).sort(([a], [b]) => (a < b ? -1 : 1));
  const ordered = { ...results, files: Object.fromEntries(sorted) };
  writeFileSync(fileOf(suite, runtime), `${JSON.stringify(ordered, null, 2)}\n`);
}
