// npm run bench [-- ROUNDS]: tsrun, runc, crun and a bare node of the same version, interleaved in one
// run, with containerd's default configuration (seccomp). Prints medians and their ratios.
//
// The runtimes are the newest of Debian sid, in the tree of the lab, with the cgroup v2 file system at its
// /sys/fs/cgroup (crun refuses hybrid hosts), in a mount namespace of its own.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { copyByHugePages } from "../../scripts/build-step.ts";
import { compile, guestWork, makeBundle, median, project, runInTree, withTree } from "./tree.ts";

const rounds = Number(process.argv[2] ?? 40);
const runtimes = ["tsrun", "runc", "crun"] as const;
type Runtime = (typeof runtimes)[number];

/** The files of the benchmark, in a directory that the tree sees at /bench. */
function prepare(work: string): void {
  compile("driver", work);
  // How a file lies in the page cache counts: node gets what the build does for the engine.
  spawnSync("cp", ["-r", `${project}/dist`, `${work}/dist`]);
  copyByHugePages(`${project}/dist/lib/tsrun/engine`, `${work}/dist/lib/tsrun/engine`);
  copyByHugePages(process.execPath, `${work}/node`);
  writeFileSync(`${work}/empty.cjs`, "0;\n");
  makeBundle(`${work}/sleep`, ["/bin/busybox", "sleep", "1000"]);
  makeBundle(`${work}/true`, ["/bin/busybox", "true"]);
}

function commandOf(runtime: Runtime): string {
  return runtime === "tsrun" ? `${guestWork}/dist/tsrun` : runtime;
}

/** The container that one runtime executes in, the same in all rounds. */
function runningName(runtime: Runtime): string {
  return `bench-running-${runtime}`;
}

/** Runs a command for each of the containers that are executed in. */
function forEachRunning(words: (command: string, id: string) => string): string {
  return runtimes.map((runtime) => words(commandOf(runtime), runningName(runtime))).join("; ");
}

/** The cases, in the language of driver.c. */
function cases(): string {
  const lines: string[] = [];
  const add = (name: string, ...steps: string[]): void => {
    lines.push(`case ${name}`, ...steps);
  };
  add("node empty", `time ${guestWork}/node ${guestWork}/empty.cjs`);
  for (const runtime of runtimes) {
    const r = commandOf(runtime);
    const id = `bench-${runtime}-%i`;
    const create = `pre ${r} create -b ${guestWork}/sleep ${id}`;
    const start = `pre ${r} start ${id}`;
    const kill = `pre ${r} kill ${id} KILL`;
    const clear = [`post ${r} delete --force ${id}`, "reap"];
    add(`${runtime} create`, create.replace("pre", "time"), ...clear);
    add(`${runtime} start`, create, start.replace("pre", "time"), ...clear);
    add(`${runtime} state`, create, `time ${r} state ${id}`, ...clear);
    add(`${runtime} kill`, create, start, kill.replace("pre", "time"), "reap", ...clear);
    add(`${runtime} delete`, create, start, kill, "reap", `time ${r} delete ${id}`, "reap");
    add(`${runtime} run`, `time ${r} run -b ${guestWork}/true ${id}`, "reap");
    const exec = `time ${r} exec ${runningName(runtime)} /bin/busybox true`;
    add(`${runtime} exec`, exec, "reap");
    add(`${runtime} exec-new`, `${exec} %i`, "reap"); // one that was not seen before
  }
  return `${lines.join("\n")}\n`;
}

/** Runs the driver inside the tree; returns its output. */
function measure(work: string): string {
  const begin = forEachRunning(
    (command, id) => `${command} run -d -b ${guestWork}/sleep ${id} < /dev/null > /dev/null 2>&1`,
  );
  const end = forEachRunning((command, id) => `${command} delete --force ${id}`);
  const driver = `${guestWork}/driver ${rounds} 3 ${guestWork}/cases`;
  const result = runInTree(work, `${begin}; ${driver}; code=$?; ${end}; exit $code`);
  if (result.status !== 0) throw new Error(`the benchmark failed: ${result.stderr}`);
  return result.stdout;
}

type Figures = { wall: number; cpu: number; peak: number; count: number; failed: number };

/** Medians by case. */
function summarize(output: string): Map<string, Figures> {
  const samples = new Map<string, number[][]>();
  for (const line of output.trim().split("\n")) {
    const [name = "", ...figures] = line.split("\t");
    const rows = samples.get(name) ?? [];
    rows.push(figures.map(Number));
    samples.set(name, rows);
  }
  const medians = new Map<string, Figures>();
  for (const [name, rows] of samples) {
    medians.set(name, {
      wall: median(rows.map((row) => row[0] ?? 0)) / 1e6,
      cpu: median(rows.map((row) => row[1] ?? 0)) / 1e3,
      peak: median(rows.map((row) => row[2] ?? 0)),
      count: rows.length,
      failed: rows.filter((row) => row[3] !== 0).length,
    });
  }
  return medians;
}

function print(medians: Map<string, Figures>): void {
  const row = (cells: readonly string[]): void => {
    console.log(
      `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(14) : cell.padStart(9))).join(" | ")} |`,
    );
  };
  row(["case", "wall ms", "cpu ms", "peak KiB", "n", "failed"]);
  row(["---", "---:", "---:", "---:", "---:", "---:"]);
  for (const [name, f] of medians) {
    row([
      name,
      f.wall.toFixed(2),
      f.cpu.toFixed(2),
      String(f.peak),
      String(f.count),
      String(f.failed),
    ]);
  }
  console.log("\nRatios of medians (wall):\n");
  row(["operation", "/ runc", "/ crun", "/ node"]);
  row(["---", "---:", "---:", "---:"]);
  const wall = (name: string): number => medians.get(name)?.wall ?? NaN;
  for (const operation of [
    "create",
    "start",
    "state",
    "kill",
    "delete",
    "run",
    "exec",
    "exec-new",
  ]) {
    const own = wall(`tsrun ${operation}`);
    row([
      operation,
      (own / wall(`runc ${operation}`)).toFixed(2),
      (own / wall(`crun ${operation}`)).toFixed(2),
      (own / wall("node empty")).toFixed(2),
    ]);
  }
}

function main(): void {
  withTree((work) => {
    prepare(work);
    writeFileSync(`${work}/cases`, cases());
    const medians = summarize(measure(work));
    print(medians);
    if ([...medians.values()].some((figures) => figures.failed > 0)) process.exitCode = 1;
  });
}

main();
