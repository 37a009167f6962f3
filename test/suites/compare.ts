import type { FileOutcomes, Outcome, SuiteResults } from "./results.ts";

export type TestName = { readonly file: string; readonly test: string };

/** How a run differs from what was recorded. */
export type Comparison = {
  /** Passed when it was recorded, and does not now. */
  readonly lost: readonly TestName[];
  /** Passes now, and did not. */
  readonly gained: readonly TestName[];
};

type Files = SuiteResults["files"];

/** Compares the files of a run with what was recorded of them. */
export function compareRun(recorded: Files, run: Files): Comparison {
  const names = Object.keys(run);
  const pick = (from: Files, than: Files): TestName[] =>
    names.flatMap((file) =>
      passes(from[file]).flatMap((test) => (than[file]?.[test] === "pass" ? [] : [{ file, test }])),
    );
  return { lost: pick(recorded, run), gained: pick(run, recorded) };
}

/** The record after a run: the outcomes of the run, but what passed once stays recorded as passing. */
export function mergeRun(recorded: Files, run: Files): Files {
  const merged: Record<string, FileOutcomes> = { ...recorded };
  for (const [file, outcomes] of Object.entries(run)) {
    const kept = passes(recorded[file]).map((test): [string, Outcome] => [test, "pass"]);
    merged[file] = { ...outcomes, ...Object.fromEntries(kept) };
  }
  return merged;
}

function passes(outcomes: FileOutcomes = {}): string[] {
  return Object.keys(outcomes).filter((test) => outcomes[test] === "pass");
}
