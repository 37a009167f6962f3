import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { encodePlan } from "../../../src/plan/encode.ts";
import type { HandedFd, Plan } from "../../../src/plan/plan.ts";
import type { Op, Step } from "../../../src/plan/wire.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const sources = fileURLToPath(new URL("../../../native/init/", import.meta.url));
const output = fileURLToPath(new URL("../../../build/test-native/", import.meta.url));

export const buildId = "000102030405060708090a0b0c0d0e0f";
export const isRoot = process.getuid?.() === 0;

const freestanding = [
  ..."-std=gnu11 -O2 -Wall -Wextra -Werror -ffreestanding -fno-tree-loop-distribute-patterns -fno-stack-protector -fno-pie".split(
    " ",
  ),
  ..."-nostdlib -static -no-pie -Wl,-z,noexecstack".split(" "),
];
const sanitized =
  "-std=gnu11 -g -O1 -DINIT_HOSTED -fsanitize=address,undefined -fno-sanitize-recover=all".split(
    " ",
  );

/** Compiles a program of these tests when it is older than its sources; returns its path. */
export function compile(
  name: "init" | "init-sanitized" | "driver" | "fuzz-wire" | "fuzz-verbs",
): string {
  const init = readdirSync(sources).map((file) => `${sources}${file}`);
  const units = init.filter((file) => file.endsWith(".c"));
  const file = `${output}${name}`;
  mkdirSync(output, { recursive: true });
  const fuzzer = fileURLToPath(new URL("../../fuzz/wire.c", import.meta.url));
  const own = [`${here}driver.c`, fuzzer];
  const newest = Math.max(...[...init, ...own].map((path) => statSync(path).mtimeMs));
  if ((statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) > newest) return file;
  writeFileSync(`${output}build-id.h`, `#define TSRUN_BUILD_ID "${buildId}"\n`);
  const fuzzing = [...sanitized, "-fsanitize=fuzzer", fuzzer, `${sources}plan.c`];
  const [compiler, ...parts] = {
    init: ["cc", ...freestanding, ...units],
    "init-sanitized": ["clang", ...sanitized, ...units],
    driver: ["cc", "-O1", "-Wall", "-Wextra", `${here}driver.c`],
    "fuzz-wire": ["clang", ...fuzzing],
    "fuzz-verbs": ["clang", "-DWIRE_OF_LAUNCHER", ...fuzzing],
  }[name];
  // Renamed when it is whole: test files run side by side.
  const draft = `${file}.${process.pid}`;
  execFileSync(compiler ?? "cc", [...parts, `-I${output}`, "-o", draft], {
    stdio: ["ignore", 2, 2],
  });
  execFileSync("mv", [draft, file]);
  return file;
}

export type Said = {
  kind: string;
  op: number;
  errno: number;
  value: number;
  fd: boolean;
  text: string;
};
export type Outcome = {
  messages: Said[];
  exit: number;
  signal: number;
  output: string;
  /** What was written to the terminal of op console. */
  terminal: string;
  /** The most memory that init needed until it was ready, in KiB. */
  memory: number;
};

export type Run = {
  cloneFlags?: number;
  /** "pipe" or files to open: slots 0 .. */
  handed?: string[];
  /** Bytes instead of the encoded ops. */
  bytes?: Uint8Array;
  env?: Record<string, string>;
  sanitized?: boolean;
};

/** Ops as the bytes of a plan. */
export function encodeOps(
  ops: readonly ((Op & { optional?: boolean }) | Step)[],
  handed = 0,
): Uint8Array {
  const fds: HandedFd[] = Array.from({ length: handed }, () => ({ kind: "exec-fifo" }));
  const plan = {
    ops: ops.map((op) => ({ ...op, origin: "", what: op.op })),
    fds,
  } as unknown as Plan;
  return encodePlan(plan, Buffer.from(buildId, "hex"));
}

/** Runs init with a plan of these ops, alone, and returns what it said and how it ended. */
export function runInit(ops: readonly (Op & { optional?: boolean })[], run: Run = {}): Outcome {
  const handed = run.handed ?? [];
  const plan = `${output}plan.${process.pid}`;
  const [init, driver] = [compile(run.sanitized ? "init-sanitized" : "init"), compile("driver")];
  writeFileSync(plan, run.bytes ?? encodeOps(ops, handed.length));
  const { stdout, stderr, status } = spawnSync(
    driver,
    [init, plan, String(run.cloneFlags ?? 0), ...handed],
    {
      env: { ...run.env },
      encoding: "utf8",
      timeout: 20_000,
    },
  );
  if (status !== 0) throw new Error(`driver: ${status} ${stdout} ${stderr}`);
  const lines = stdout
    .trim()
    .split("\n")
    .map((line): Said => JSON.parse(line));
  const valueOf = (kind: string): number => lines.find((line) => line.kind === kind)?.value ?? -1;
  return {
    messages: lines.filter(({ kind }) => !["exit", "signal", "terminal", "memory"].includes(kind)),
    exit: valueOf("exit"),
    signal: valueOf("signal"),
    memory: valueOf("memory"),
    output: stderr,
    terminal: lines.find(({ kind }) => kind === "terminal")?.text ?? "",
  };
}
