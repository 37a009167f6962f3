import type { FileResult, TestResult } from "./tap-run.ts";

export type Layer = { readonly name: string; readonly files: readonly FileResult[] };
export type Totals = { passed: number; failed: number; skipped: number };

/** Skips that begin so could have run in the lab. */
const labPrefix = "lab: ";

/** The lab's two kernels: with a shell script as process 1, and with systemd. */
export type LabKind = "plain" | "systemd";

/** Whether a file skipped something that this lab can run. */
export function needsLab({ tests }: FileResult, kind: LabKind): boolean {
  return tests.some((test) => isLabSkip(test, kind));
}

/**
 * The native layer with what the lab made of its skips: there it ran, or was skipped for a reason of its own, or it
 * did not run at all, which is a failure.
 */
export function mergeLab(native: Layer, lab: Layer, kind: LabKind): Layer {
  const files = native.files.map((file) => {
    const other = lab.files.find((candidate) => candidate.file === file.file);
    return {
      ...file,
      tests: file.tests.map((test) => (isLabSkip(test, kind) ? inLab(test, other) : test)),
    };
  });
  return { name: native.name, files };
}

/** The lab's own results without those that mergeLab counts for the native layers, and without repeated skips. */
export function onlyExtra(lab: Layer, natives: readonly Layer[], kind: LabKind): Layer {
  const files = lab.files.map((file) => {
    const other = natives
      .flatMap((native) => native.files)
      .find((found) => found.file === file.file);
    const counted = new Set(
      other?.tests.filter((test) => isLabSkip(test, kind)).map(({ name }) => name),
    );
    const keep = ({ name, outcome }: TestResult): boolean =>
      !counted.has(name) && (outcome !== "skipped" || other === undefined);
    return { ...file, tests: file.tests.filter(keep) };
  });
  return { name: lab.name, files };
}

/** Prints every failure with its diagnostics, every skip with its reason, and the sums; returns the totals. */
export function summarize(layers: readonly Layer[]): Totals {
  const all = layers.flatMap(({ name, files }) =>
    files.flatMap(({ file, tests }) =>
      tests.map((test) => ({ ...test, where: `${name} ${file}` })),
    ),
  );
  const failed = all.filter(({ outcome }) => outcome === "failed");
  if (failed.length > 0) console.log("\nFailures:");
  for (const { where, name, text } of failed) {
    console.log(`\n  ${where} > ${name}\n${indent(text)}`);
  }
  const unstable = layers.flatMap(({ name, files }) =>
    files.flatMap(({ file, unstable: first = [] }) =>
      first.map((test) => ({ ...test, where: `${name} ${file}` })),
    ),
  );
  if (unstable.length > 0) console.log("\nUnstable: failed, then passed in a run alone:");
  for (const { where, name, text } of unstable) {
    console.log(`\n  ${where} > ${name}\n${indent(text)}`);
  }
  const skipped = Map.groupBy(
    all.filter(({ outcome }) => outcome === "skipped"),
    ({ text }) => text,
  );
  if (skipped.size > 0) console.log("\nSkipped:");
  for (const [reason, tests] of skipped) {
    console.log(`\n  ${reason}`);
    for (const { where, name } of tests) console.log(`    ${where} > ${name}`);
  }
  console.log("");
  for (const layer of layers) console.log(`${layer.name}: ${sum(count([layer]))}`);
  return count(layers);
}

/** The line that ends everything. */
export function sum({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function count(layers: readonly Layer[]): Totals {
  const tests = layers.flatMap(({ files }) => files.flatMap((file) => file.tests));
  const outcomes = Map.groupBy(tests, ({ outcome }) => outcome);
  return {
    passed: outcomes.get("passed")?.length ?? 0,
    failed: outcomes.get("failed")?.length ?? 0,
    skipped: outcomes.get("skipped")?.length ?? 0,
  };
}

function isLabSkip({ outcome, text }: TestResult, kind: LabKind): boolean {
  return (
    outcome === "skipped" &&
    text.startsWith(labPrefix) &&
    text.includes("systemd as process 1") === (kind === "systemd")
  );
}

function inLab(test: TestResult, file: FileResult | undefined): TestResult {
  const found = file?.tests.find(({ name }) => name === test.name);
  if (found !== undefined) return { ...found, text: prefixed(found) };
  const text = `${test.text.slice(labPrefix.length)}; the lab has that, but did not run it`;
  return { name: test.name, outcome: "failed", text };
}

const prefixed = ({ outcome, text }: TestResult): string =>
  outcome === "failed" ? `in the lab:\n${text}` : text;

const indent = (text: string): string => text.replaceAll(/^/gm, "    ");
