// npm run bench [-- ROUNDS]: tsrun, runc, crun and a bare node of the same version, interleaved in one
// run, with containerd's default configuration (seccomp). Prints medians, their ratios, and where the time of a command goes.
//
// The runtimes are the newest of Debian sid, in the tree of the lab, with the cgroup v2 file system at its
// /sys/fs/cgroup (crun refuses hybrid hosts), in a mount namespace of its own.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { copyByHugePages } from "../../scripts/build-step.ts";
import { buildMarkedEngine, type Phase } from "./marked-engine.ts";
import { divideByPhase, type Mark, marksWithin, phasesOf } from "./phases.ts";
import { writeResult } from "./result.ts";
import {
  compile,
  filesOf,
  guestWork,
  makeBundle,
  median,
  project,
  runInTree,
  runtimes,
  type Runtime,
  versionsOf,
  withTree,
} from "./tree.ts";

const rounds = Number(process.argv[2] ?? 40);
const operations = "create start state kill delete run exec exec-new".split(" ");
/** Commands of which the parts are shown. */
const divided = ["create", "run", "exec-new"] as const;

/** What is kept of a run. */
export type BenchFigures = {
  readonly rounds: number;
  readonly cases: Readonly<Record<string, Figures>>;
  /** Median milliseconds of each phase. */
  readonly phases: Readonly<Record<string, Readonly<Partial<Record<Phase, number>>>>>;
};

/** Medians of a case: milliseconds, and KiB. */
export type Figures = {
  readonly wall: number;
  readonly cpu: number;
  readonly peak: number;
  readonly count: number;
  readonly failed: number;
};

/** The files of the benchmark, in a directory that the tree sees at /bench. */
function prepare(work: string): void {
  compile("driver", work);
  // How a file lies in the page cache counts: node gets what the build does for the engine.
  spawnSync("cp", ["-r", `${project}/dist`, `${work}/dist`]);
  spawnSync("cp", ["-r", buildMarkedEngine(), `${work}/marked`]);
  for (const name of ["dist", "marked"]) {
    const engine = `${name}/lib/tsrun/engine`;
    const from =
      name === "dist" ? `${project}/${engine}` : `${project}/build/marked/dist/lib/tsrun/engine`;
    copyByHugePages(from, `${work}/${engine}`);
  }
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

type Cases = readonly (readonly [name: string, ...steps: string[]])[];

/** What is measured of each runtime, in the language of driver.c. */
function warmCases(): Cases {
  const each = runtimes.flatMap((runtime): Cases => {
    const { r, id, create, clear } = wordsOf(runtime);
    const [start, kill] = [`${r} start ${id}`, `${r} kill ${id} KILL`];
    const exec = `time ${r} exec ${runningName(runtime)} /bin/busybox true`;
    return [
      [`${runtime} create`, `time ${create}`, ...clear],
      [`${runtime} start`, `pre ${create}`, `time ${start}`, ...clear],
      [`${runtime} state`, `pre ${create}`, `time ${r} state ${id}`, ...clear],
      [`${runtime} kill`, `pre ${create}`, `pre ${start}`, `time ${kill}`, "reap", ...clear],
      [
        `${runtime} delete`,
        ...[create, start, kill].map((words) => `pre ${words}`),
        "reap",
        `time ${r} delete ${id}`,
        "reap",
      ],
      [`${runtime} run`, `time ${r} run -b ${guestWork}/true ${id}`, "reap"],
      [`${runtime} exec`, exec, "reap"],
      [`${runtime} exec-new`, `${exec} %i`, "reap"], // one that was not seen before
    ];
  });
  return [["node empty", `time ${guestWork}/node ${guestWork}/empty.cjs`], ...each];
}

function wordsOf(runtime: Runtime) {
  const r = commandOf(runtime);
  const id = `bench-${runtime}-%i`;
  const create = `${r} create -b ${guestWork}/sleep ${id}`;
  return { r, id, create, clear: [`post ${r} delete --force ${id}`, "reap"] };
}

function markedCases(): Cases {
  const marked = `${guestWork}/marked/tsrun`;
  const id = "bench-marked-%i";
  const clear = [`post ${marked} delete --force ${id}`, "reap"];
  const words = `${runningName("tsrun")} /bin/busybox true marked-%i`;
  return [
    ["marked create", `time ${marked} create -b ${guestWork}/sleep ${id}`, ...clear],
    ["marked run", `time ${marked} run -b ${guestWork}/true ${id}`, "reap"],
    ["marked exec-new", `time ${marked} exec ${words}`, "reap"],
  ];
}

function coldCases(work: string): Cases {
  return runtimes.map((runtime) => {
    const { create, clear } = wordsOf(runtime);
    const files = filesOf(work, runtime).join(" ");
    return [`${runtime} cold create`, `cold ${files}`, `time ${create}`, ...clear] as const;
  });
}

/** Runs the driver inside the tree; returns its output. */
function measure(work: string, cases: Cases): string {
  const lines = cases.flatMap(([name, ...steps]) => [`case ${name}`, ...steps]);
  writeFileSync(`${work}/cases`, `${lines.join("\n")}\n`);
  const begin = forEachRunning(
    (command, id) => `${command} run -d -b ${guestWork}/sleep ${id} < /dev/null > /dev/null 2>&1`,
  );
  const end = forEachRunning((command, id) => `${command} delete --force ${id}`);
  const driver = `BENCH_MARKS=${guestWork}/marks ${guestWork}/driver ${rounds} 3 ${guestWork}/cases`;
  const result = runInTree(work, `${begin}; ${driver}; code=$?; ${end}; exit $code`);
  if (result.status !== 0) throw new Error(`the benchmark failed: ${result.stderr}`);
  return result.stdout;
}

type Sample = {
  readonly name: string;
  readonly wall: number;
  readonly cpu: number;
  readonly peak: number;
  readonly status: number;
  readonly begin: bigint;
};

function readSamples(output: string): Map<string, Sample[]> {
  const samples = output
    .trim()
    .split("\n")
    .map((line): Sample => {
      const [name = "", wall, cpu, peak, status, begin = "0"] = line.split("\t");
      const figures = { wall: Number(wall), cpu: Number(cpu), peak: Number(peak) };
      return { name, ...figures, status: Number(status), begin: BigInt(begin) };
    });
  return Map.groupBy(samples, ({ name }) => name);
}

function summarize(rows: readonly Sample[]): Figures {
  return {
    wall: median(rows.map(({ wall }) => wall)) / 1e6,
    cpu: median(rows.map(({ cpu }) => cpu)) / 1e3,
    peak: median(rows.map(({ peak }) => peak)),
    count: rows.length,
    failed: rows.filter(({ status }) => status !== 0).length,
  };
}

/** Median milliseconds of each phase of a command. */
function dividePhases(samples: readonly Sample[], marks: readonly (readonly Mark[])[]) {
  const times = samples.map(({ begin, wall }) => {
    const span = { begin, end: begin + BigInt(wall) };
    return divideByPhase(marksWithin(marks, span), span);
  });
  return Object.fromEntries(
    phasesOf(times).map((phase) => [phase, median(times.map((one) => one[phase] ?? 0))]),
  );
}

function row(cells: readonly string[]): void {
  console.log(
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(16) : cell.padStart(9))).join(" | ")} |`,
  );
}

function print({ cases: medians, phases }: BenchFigures): void {
  row(["case", "wall ms", "cpu ms", "peak KiB", "n", "failed"]);
  row(["---", "---:", "---:", "---:", "---:", "---:"]);
  for (const [name, { wall, cpu, peak, count, failed }] of Object.entries(medians)) {
    row([name, wall.toFixed(2), cpu.toFixed(2), String(peak), String(count), String(failed)]);
  }
  console.log("\nRatios of medians (wall):\n");
  row(["operation", "/ runc", "/ crun", "/ node"]);
  row(["---", "---:", "---:", "---:"]);
  const wall = (name: string): number => medians[name]?.wall ?? NaN;
  for (const operation of [...operations, "cold create"]) {
    const own = wall(`tsrun ${operation}`);
    const others = [`runc ${operation}`, `crun ${operation}`, "node empty"];
    row([operation, ...others.map((other) => (own / wall(other)).toFixed(2))]);
  }
  for (const [name, times] of Object.entries(phases)) {
    console.log(`\nWhere the milliseconds of ${name} go (medians, marked engine):\n`);
    row(["phase", "ms"]);
    row(["---", "---:"]);
    for (const [phase, ms] of Object.entries(times)) row([phase, ms.toFixed(2)]);
    row(["all", wall(`marked ${name}`).toFixed(2)]);
    row(["without marks", wall(`tsrun ${name}`).toFixed(2)]);
  }
}

function readMarks(work: string): Mark[][] {
  const lines = readFileSync(`${work}/marks`, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Mark[]);
}

function main(): void {
  withTree((work) => {
    prepare(work);
    const warm = measure(work, [...warmCases(), ...markedCases()]);
    // By themselves, and last: files come back into the page cache in other pieces.
    const samples = readSamples(warm + measure(work, coldCases(work)));
    const marks = readMarks(work);
    const figures: BenchFigures = {
      rounds,
      cases: Object.fromEntries([...samples].map(([name, rows]) => [name, summarize(rows)])),
      phases: Object.fromEntries(
        divided.map((name) => [name, dividePhases(samples.get(`marked ${name}`) ?? [], marks)]),
      ),
    };
    print(figures);
    const command = `npm run bench -- ${rounds}`;
    writeResult("bench", { command, runtimes: versionsOf(work), figures });
    if (Object.values(figures.cases).some(({ failed }) => failed > 0)) process.exitCode = 1;
  });
}

main();
