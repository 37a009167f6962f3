// npm run engines after bootstrap and build: the files of test/engines in the lab, each in a boot of its own, two
// at a time. Arguments choose files (any part of a path); none: all. TSRUN: another runtime that is in the lab's tree.
import { globSync } from "node:fs";
import { basename, join } from "node:path";
import { makeGuest, runInLab, troubleWith } from "./lab-run.ts";
import { type LabKind, sum, summarize } from "./summarize.ts";
import type { FileResult } from "./tap-run.ts";

process.chdir(join(import.meta.dirname, ".."));
// Images are built and loaded there, which takes its time on a machine that has other work.
process.env.LAB_TIMEOUT ??= "1200";
const parts = process.argv.slice(2);
const files = globSync("test/engines/*.test.ts")
  .sort()
  .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));

const started = performance.now();
console.log(`engines with ${process.env.TSRUN ?? "dist/tsrun"}: ${files.length} files`);
const made = await makeGuest(["engines"]);
const results = made === 0 ? await runAll(files) : [troubleWith(made)];
const totals = summarize([{ name: "engines", files: results }]);
if (totals.passed === 0 && totals.failed === 0) {
  console.log("no test ran");
  totals.failed = 1;
}
console.log(`${((performance.now() - started) / 1000).toFixed(0)} s`);
console.log(sum(totals));
process.exitCode = totals.failed === 0 ? 0 : 1;

async function runAll(chosen: readonly string[]): Promise<FileResult[]> {
  const queue = [...chosen];
  const done: FileResult[] = [];
  const next = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      done.push(...(await runInLab(planOf(file))));
    }
  };
  await Promise.all([next(), next()]);
  return done;
}

/** NAME-systemd.test.ts wants systemd as process 1. */
function planOf(file: string) {
  const name = basename(file, ".test.ts");
  const kind: LabKind = name.endsWith("-systemd") ? "systemd" : "plain";
  return { kind, files: [file], results: `build/test/engines-${name}.json` };
}
