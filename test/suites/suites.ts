// npm run suites -- SUITE [FILE...] [--accept]: runs an outside suite in the lab and compares with what is recorded of it.
// A test that passed and does not any more: exit status 1. --accept records what passes now; with another runtime (TSRUN)
// nothing is compared, and what comes out is recorded as it is.
import { spawnSync, type StdioOptions } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { compareRun, mergeRun, type TestName } from "./compare.ts";
import {
  isSuiteName,
  readRecorded,
  readRun,
  type SuiteName,
  suiteNames,
  writeRecorded,
} from "./results.ts";

const repository = join(import.meta.dirname, "../..");
const inherit: { stdio: StdioOptions } = { stdio: ["ignore", "inherit", "inherit"] };
const [suite, ...rest] = process.argv.slice(2);
if (!isSuiteName(suite)) {
  console.error(`usage: npm run suites -- ${suiteNames.join("|")} [FILE...] [--accept]`);
  process.exit(2);
}
const accept = rest.includes("--accept");
const runtime = process.env.TSRUN ?? join(repository, "dist/tsrun");
const name = basename(runtime);
process.exitCode = main(
  suite,
  rest.filter((word) => word !== "--accept"),
);

function main(chosen: SuiteName, files: readonly string[]): number {
  const prepared = spawnSync(join(import.meta.dirname, "prepare"), [chosen], inherit);
  if (prepared.status !== 0) return 1;
  const directory = join(repository, "build/suites", `${chosen}.${name}.${process.pid}`);
  mkdirSync(directory, { recursive: true });
  console.log(`${chosen} with ${runtime}`);
  const status = runInLab(chosen, directory, files);
  const run = readRun(chosen, directory);
  const tests = Object.values(run).flatMap((outcomes) => Object.values(outcomes));
  const count = (outcome: string): number => tests.filter((each) => each === outcome).length;
  const recorded = readRecorded(chosen, name);
  const { lost, gained } = compareRun(recorded?.files ?? {}, run);
  report("passed before and does not now", lost);
  report(accept ? "recorded as passing" : "passes now: --accept records it", gained);
  if (accept) {
    const merged =
      name === "tsrun" ? mergeRun(recorded?.files ?? {}, run) : { ...recorded?.files, ...run };
    writeRecorded(chosen, name, { ...readVersions(chosen), files: merged });
  }
  if (status !== 0)
    console.log(`the lab ended with status ${status} (124: time is up, 125: it could not start)`);
  console.log(`${count("pass")} passed, ${count("fail")} failed, ${count("skip")} skipped`);
  return status === 0 && (name !== "tsrun" || lost.length === 0) ? 0 : 1;
}

function runInLab(chosen: SuiteName, directory: string, files: readonly string[]): number | null {
  const systemd = chosen === "runc-bats-systemd";
  const script = join(import.meta.dirname, `run-${systemd ? "runc-bats" : chosen}`);
  const env = {
    LAB_MEM: "4096M",
    LAB_DISK: "256M",
    LAB_TIMEOUT: "7200",
    LAB_APPEND: chosen === "runtime-tools" ? "security=apparmor apparmor=1" : "",
    ...process.env,
    LAB_INIT: systemd ? "systemd" : "",
    TSRUN_LAB_INSIDE: systemd ? "systemd" : "plain",
    ...(systemd ? { RUNC_USE_SYSTEMD: "yes" } : {}),
    LAB_ENV: "TSRUN_LAB_INSIDE SUITES_LIMIT RUNC_USE_SYSTEMD",
  };
  const words = [script, runtime, directory, ...files];
  return spawnSync(join(repository, "test/lab/uml"), words, { ...inherit, env }).status;
}

/** What was tested and with which tests, by what they say themselves. */
function readVersions(chosen: SuiteName): { suite: string; runtime: string } {
  const cache = process.env.TSRUN_CACHE ?? "/var/cache/tsrun";
  const guest = process.env.LAB_GUEST ?? join(cache, "guest");
  const [place, title] =
    chosen === "runtime-tools" ? ["runtime-tools", "runtime-tools"] : ["runc-tests", "runc"];
  const version = readFileSync(join(guest, "root", place, ".version"), "utf8").trim();
  const words =
    name === "tsrun" ? [resolve(runtime), "--version"] : ["chroot", guest, runtime, "--version"];
  const said =
    spawnSync(words[0]!, words.slice(1), { encoding: "utf8" }).stdout.split("\n")[0] ?? "";
  return { suite: `${title} ${version}`, runtime: said.replace(" version", "") };
}

function report(title: string, tests: readonly TestName[]): void {
  for (const { file, test } of tests) console.log(`${title}: ${file}: ${test}`);
}
