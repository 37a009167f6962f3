// npm test after bootstrap and build: the layers one after the other, then one line of sums.
// Arguments choose layers (unit, integration, lab, sanitizers) and files (any part of a path); none: all.
import { globSync } from "node:fs";
import { join } from "node:path";
import { judgeRun, nameTest, readRequirements } from "../test/conformance/requirements.ts";
import { labNames, makeGuest, runInLab, troubleWith } from "./lab-run.ts";
import {
  type LabKind,
  type Layer,
  mergeLab,
  needsLab,
  onlyExtra,
  sum,
  summarize,
} from "./summarize.ts";
import { repeatFailed, runFiles, type FileResult, type TapRunOptions } from "./tap-run.ts";

const layerNames = ["unit", "integration", "lab", "sanitizers"] as const;
type LayerName = (typeof layerNames)[number];

/** What shows mistakes of init's memory: everything that makes it do much. */
const sanitized = /\/(10|16|17|2\d|3\d|4\d|5\d)-/;

process.chdir(join(import.meta.dirname, ".."));
const words = process.argv.slice(2);
const chosen = layerNames.filter((name) => words.includes(name));
const parts = words.filter((word) => !layerNames.includes(word as LayerName));
const wants = (name: LayerName): boolean => chosen.length === 0 || chosen.includes(name);
const files = (pattern: string): string[] =>
  globSync(pattern)
    .sort()
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));

const layers: Layer[] = [];
if (wants("unit")) {
  layers.push(await runLayer("unit", files("test/unit/**/*.test.ts"), { timeout: 120 }));
}
const integration = files("test/integration/*.test.ts");
if (wants("integration")) layers.push(await runLayer("integration", integration));
if (wants("lab")) await runLabs();
if (wants("sanitizers") && process.env.TSRUN === undefined) layers.push(await sanitizers());
const totals = summarize(layers);
if (totals.passed === 0 && totals.failed === 0) {
  console.log("no test ran");
  totals.failed = 1;
}
if (words.length === 0 && process.env.TSRUN === undefined) totals.failed += judgeConformance();
console.log(sum(totals));
process.exitCode = totals.failed === 0 ? 0 : 1;

/** Whether this run shows what docs/spec-conformance.md says that the tests show. */
function judgeConformance(): number {
  const outcomes = layers.flatMap((layer) =>
    layer.files.flatMap(({ file, tests }) =>
      tests.map(({ name, outcome }) => ({ test: nameTest(file, name), outcome })),
    ),
  );
  const { unproven, skipped } = judgeRun(readRequirements(), outcomes);
  for (const test of unproven) console.log(`docs/spec-conformance.md: did not pass: ${test}`);
  for (const row of skipped) console.log(`docs/spec-conformance.md: not shown here: ${row}`);
  return unproven.length;
}

async function runLayer(
  name: string,
  chosenFiles: readonly string[],
  options: TapRunOptions = {},
): Promise<Layer> {
  const runtime = name === "integration" ? ` with ${process.env.TSRUN ?? "dist/tsrun"}` : "";
  console.log(`\n${name}${runtime}`);
  return { name, files: await runSteadily(chosenFiles, { label: name, ...options }) };
}

/** Two files at a time; those that fail once more, one at a time. */
async function runSteadily(
  chosenFiles: readonly string[],
  options: TapRunOptions,
): Promise<FileResult[]> {
  const results = await runFiles(chosenFiles, options);
  return repeatFailed(results, (again) => runFiles(again, { ...options, jobs: 1 }));
}

/** Runs in the lab what the layers before had to skip; asked for alone, all integration files. */
async function runLabs(): Promise<void> {
  await runLab("plain", layers.length === 0 ? integration : skippedFor("plain"));
  await runLab("systemd", skippedFor("systemd"));
}

function skippedFor(kind: LabKind): string[] {
  const files = layers.flatMap((layer) => layer.files.filter((file) => needsLab(file, kind)));
  return [...new Set(files.map(({ file }) => file))];
}

async function runLab(kind: LabKind, inLab: readonly string[]): Promise<void> {
  if (inLab.length === 0) return;
  const init = kind === "systemd" ? " with systemd" : "";
  console.log(`\n${labNames[kind]}: a unified cgroup v2 kernel${init}, ${inLab.length} files`);
  const made = await makeGuest();
  const append = kind === "plain" ? "security=apparmor" : "";
  const run = { kind, files: inLab, results: `build/test/lab-${kind}.json`, append };
  const files = made === 0 ? await runInLab(run) : [troubleWith(made)];
  const lab: Layer = { name: labNames[kind], files };
  const extra = onlyExtra(lab, layers, kind);
  layers.forEach((layer, index) => (layers[index] = mergeLab(layer, lab, kind)));
  layers.push(extra);
}

/** Integration files once more with an init built with ASan and UBSan. */
async function sanitizers(): Promise<Layer> {
  console.log("\nsanitizers: integration with an init built with ASan and UBSan");
  const results = await runSteadily(
    integration.filter((file) => sanitized.test(`/${file}`)),
    { label: "asan", env: { TSRUN: "dist-asan/tsrun" } },
  );
  // What is skipped was skipped, or ran in the lab, in the layers before.
  const ran = results.map((file) => ({
    ...file,
    tests: file.tests.filter(({ outcome }) => outcome !== "skipped"),
  }));
  return { name: "sanitizers", files: ran };
}
