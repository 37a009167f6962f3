import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** What the specification asks for, in our words, and the tests that show it. */
export type Requirement = {
  /** A field, with all below it; or what must hold. */
  readonly field?: string;
  readonly must?: string;
  readonly section: string;
  /** "FILE > NAME": the path of a test below test/, without .test.ts, and the name of a test in it. */
  readonly tests: readonly string[];
  /** What the tests do not show. */
  readonly remark?: string;
};

/** What became of a test in a run. */
export type Outcome = { readonly test: string; readonly outcome: "passed" | "failed" | "skipped" };

/** The requirements as they are kept. */
export function readRequirements(): Requirement[] {
  const path = join(import.meta.dirname, "requirements.json");
  return JSON.parse(readFileSync(path, "utf8")) as Requirement[];
}

/** The requirement of a field: that of the longest path which it begins with. */
export function requirementOf(
  field: string,
  requirements: readonly Requirement[],
): Requirement | undefined {
  const covers = (path: string): boolean =>
    field === path || (field.startsWith(path) && /[.[]/.test(field[path.length]!));
  return requirements
    .filter((requirement) => requirement.field !== undefined && covers(requirement.field))
    .toSorted((a, b) => b.field!.length - a.field!.length)[0];
}

/** What is wrong with the list itself: fields without a row, rows without a field or a test that is there. */
export function findGaps(
  fields: readonly string[],
  requirements: readonly Requirement[],
): string[] {
  const used = new Set(fields.map((field) => requirementOf(field, requirements)));
  return [
    ...fields
      .filter((field) => requirementOf(field, requirements) === undefined)
      .map((field) => `${field}: has no row`),
    ...requirements
      .filter((row) => row.field !== undefined && !used.has(row))
      .map(({ field }) => `${field}: is no field`),
    ...requirements
      .filter(({ tests }) => tests.length === 0)
      .map(({ field, must }) => `${field ?? must}: names no test`),
    ...requirements
      .flatMap(({ tests }) => tests)
      .filter((test) => !isThere(test))
      .map((test) => `${test}: there is no such test`),
  ];
}

function isThere(test: string): boolean {
  const [file, name] = split(test);
  const path = join(import.meta.dirname, "..", `${file}.test.ts`);
  // Names are written out in the sources, with whatever is quoted in them.
  return existsSync(path) && readFileSync(path, "utf8").includes(name);
}

function split(test: string): [file: string, name: string] {
  const at = test.indexOf(" > ");
  return [test.slice(0, at), test.slice(at + 3)];
}

export type Shown = {
  /** Tests of rows that failed, or that a run of everything did not have. */
  readonly unproven: readonly string[];
  /** Rows whose tests were all skipped. */
  readonly skipped: readonly string[];
};

/** What a run of everything says of the requirements. */
export function judgeRun(
  requirements: readonly Requirement[],
  outcomes: readonly Outcome[],
): Shown {
  const of = (test: string, wanted: Outcome["outcome"]): boolean =>
    outcomes.some(({ test: other, outcome }) => other === test && outcome === wanted);
  const tests = [...new Set(requirements.flatMap((row) => row.tests))];
  const ran = (test: string): boolean => of(test, "passed") || of(test, "skipped");
  return {
    unproven: tests.filter((test) => of(test, "failed") || !ran(test)),
    skipped: requirements
      .filter((row) => !row.tests.some((test) => of(test, "passed")))
      .map(({ field, must }) => field ?? must!),
  };
}

/** How a row names a test of a file that ran. */
export function nameTest(file: string, name: string): string {
  const layer = /(?:unit|integration)\/.*/.exec(file)?.[0] ?? basename(file);
  return `${layer.replace(/\.test\.ts$/, "")} > ${name}`;
}
