// npm run bench:library [-- ROUNDS [CONTAINERS]]: the library of the npm package beside crun, runc and floor.c, interleaved in
// one run, with containerd's default configuration. Then 64 containers at once, and heap and descriptors over CONTAINERS lives.
import { copyFileSync, cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { plan, parseSpec } from "../../src/index.ts";
import { compileSeccomp } from "../../src/seccomp/compile.ts";
import { sampleConfig } from "../../scripts/sample-config.ts";
import { compile, guestWork, makeBundle, median, project, runInTree, withTree } from "./tree.ts";

const rounds = Number(process.argv[2] ?? 40);
const containers = Number(process.argv[3] ?? 200);

/** What library-inside.mjs prints. */
type Results = {
  readonly samples: Record<string, number[]>;
  readonly parallel: readonly {
    readonly at: number;
    readonly seconds: number;
    readonly cpu: number;
  }[];
  readonly growth: readonly {
    readonly lives: number;
    readonly heap: number;
    readonly fds: number;
  }[];
  readonly loopDelayMs: number;
};

/** The files of the benchmark, in a directory that the tree sees at /bench. */
function prepare(work: string): void {
  compile("floor", work);
  cpSync(join(project, "build/package"), `${work}/package`, { recursive: true });
  copyFileSync(process.execPath, `${work}/node`);
  copyFileSync(join(import.meta.dirname, "library-inside.mjs"), `${work}/library-inside.mjs`);
  makeBundle(`${work}/sleep`, ["/bin/busybox", "sleep", "1000"]);
  makeBundle(`${work}/true`, ["/bin/busybox", "true"]);
  const config = sampleConfig(["/bin/busybox", "true"]);
  const { linux } = parseSpec(config);
  writeFileSync(
    `${work}/filter`,
    compileSeccomp(linux!.seccomp!, { cacheDirectory: null })!.filter,
  );
  writeFileSync(`${work}/devices`, plan(config).cgroup!.devices!.program);
}

function print({ samples, parallel, growth, loopDelayMs }: Results): void {
  const medians = Object.fromEntries(
    Object.entries(samples).map(([name, values]) => [name, median(values)]),
  );
  console.log("| case | median ms | n |\n| --- | ---: | ---: |");
  for (const [name, value] of Object.entries(medians)) {
    console.log(`| ${name} | ${value.toFixed(2)} | ${samples[name]!.length} |`);
  }
  const ratio = (a: string, b: string): string => (medians[a]! / medians[b]!).toFixed(2);
  console.log("\n| ratio of medians | |\n| --- | ---: |");
  console.log(
    `| library lifecycle / crun lifecycle | ${ratio("library lifecycle", "crun lifecycle")} |`,
  );
  console.log(
    `| library lifecycle / runc lifecycle | ${ratio("library lifecycle", "runc lifecycle")} |`,
  );
  console.log(`| library run / floor | ${ratio("library run", "floor")} |`);
  console.log(`| library run / crun run | ${ratio("library run", "crun run")} |`);
  console.log("\n| lifecycles at once | per second | CPUs busy |\n| ---: | ---: | ---: |");
  for (const { at, seconds, cpu } of parallel) {
    console.log(`| ${at} | ${(64 / seconds).toFixed(1)} | ${cpu.toFixed(2)} |`);
  }
  console.log("\n| lives | heap KiB | descriptors |\n| ---: | ---: | ---: |");
  for (const { lives, heap, fds } of growth) {
    console.log(`| ${lives} | ${(heap / 1024).toFixed(0)} | ${fds} |`);
  }
  console.log(
    `\nThe longest that the event loop was held up meanwhile: ${loopDelayMs.toFixed(1)} ms`,
  );
}

globalThis.tsrunNativeDirectory = join(project, "build/Release");
withTree((work) => {
  prepare(work);
  const command = `${guestWork}/node --expose-gc ${guestWork}/library-inside.mjs ${rounds} ${containers}`;
  const result = runInTree(work, command);
  if (result.status !== 0) throw new Error(`the benchmark failed: ${result.stderr}`);
  print(JSON.parse(result.stdout) as Results);
});
