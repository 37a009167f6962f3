// npm test after bootstrap and build: the layers one after the other, then one line of sums.
// Arguments choose layers (unit, integration, lab, sanitizers) and files (any part of a path); none: all.
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
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

const labNames: Readonly<Record<LabKind, string>> = { plain: "lab", systemd: "lab-systemd" };

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
if (wants("lab")) runLabs();
if (wants("sanitizers") && process.env.TSRUN === undefined) layers.push(await sanitizers());
const totals = summarize(layers);
if (totals.passed === 0 && totals.failed === 0) {
  console.log("no test ran");
  totals.failed = 1;
}
console.log(sum(totals));
process.exitCode = totals.failed === 0 ? 0 : 1;

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
function runLabs(): void {
  runLab("plain", layers.length === 0 ? integration : skippedFor("plain"));
  runLab("systemd", skippedFor("systemd"));
}

function skippedFor(kind: LabKind): string[] {
  const files = layers.flatMap((layer) => layer.files.filter((file) => needsLab(file, kind)));
  return [...new Set(files.map(({ file }) => file))];
}

function runLab(kind: LabKind, inLab: readonly string[]): void {
  if (inLab.length === 0) return;
  const lab: Layer = { name: labNames[kind], files: runInLab(kind, inLab) };
  const extra = onlyExtra(lab, layers, kind);
  layers.forEach((layer, index) => (layers[index] = mergeLab(layer, lab, kind)));
  layers.push(extra);
}

/** Boots the lab once and runs the files there. */
function runInLab(kind: LabKind, inLab: readonly string[]): FileResult[] {
  const init = kind === "systemd" ? " with systemd" : "";
  console.log(`\n${labNames[kind]}: a unified cgroup v2 kernel${init}, ${inLab.length} files`);
  const started = performance.now();
  mkdirSync("build/test", { recursive: true });
  const resultsFile = join(process.cwd(), `build/test/lab-${kind}.json`);
  rmSync(resultsFile, { force: true });
  const made = spawnSync("test/lab/mkguest", { stdio: ["ignore", "inherit", "inherit"] });
  const booted =
    made.status === 0
      ? spawnSync(
          "test/lab/uml",
          [process.execPath, join(process.cwd(), "scripts/tap-run.ts"), resultsFile, ...inLab],
          { env: labEnv(kind), stdio: ["ignore", "inherit", "inherit"] },
        )
      : made;
  const seconds = (performance.now() - started) / 1000;
  const results = existsSync(resultsFile)
    ? (JSON.parse(readFileSync(resultsFile, "utf8")) as FileResult[])
    : [];
  if (booted.status === 0) return results;
  const text = `the lab ended with status ${booted.status} (124: time is up, 125: it could not start)`;
  const trouble: FileResult = {
    file: "test/lab",
    tests: [{ name: "(the lab)", outcome: "failed", text }],
    seconds,
  };
  return [...results, trouble];
}

function labEnv(kind: LabKind): NodeJS.ProcessEnv {
  const names = ["TSRUN", "TSRUN_LAB_INSIDE", "TSRUN_CYCLES", "TSRUN_TEST_CACHE"];
  return {
    ...process.env,
    TSRUN_LAB_INSIDE: kind,
    LAB_INIT: kind === "systemd" ? "systemd" : "",
    TSRUN_CYCLES: process.env.TSRUN_CYCLES ?? "20",
    LAB_ENV: names.join(" "),
    LAB_TIMEOUT: process.env.LAB_TIMEOUT ?? (kind === "systemd" ? "1200" : "600"),
  };
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
