// What a benchmark has measured, as a file that is committed: docs/performance.md is made of these.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { project } from "./tree.ts";

const directory = join(import.meta.dirname, "results");

/** Figures and where they are from. */
export type Result<Figures> = {
  readonly command: string;
  readonly date: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly figures: Figures;
};

export type Machine = {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** Mean of the processes that wanted a processor in the fifteen minutes before: other work is in the figures. */
  readonly load: number;
};

export type Measured<Figures> = {
  readonly command: string;
  /** The first line that each runtime says of itself. */
  readonly runtimes: Readonly<Record<string, string>>;
  readonly figures: Figures;
};

/** Keeps the figures, with the machine and the versions, as results/NAME.json. */
export function writeResult<Figures>(name: string, measured: Measured<Figures>): void {
  const { command, runtimes, figures } = measured;
  const versions = { ...runtimes, node: process.version, commit: commit() };
  const date = new Date().toISOString().slice(0, 10);
  const result: Result<Figures> = { command, date, machine: readMachine(), versions, figures };
  const file = join(directory, `${name}.json`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`\nKept in ${file.slice(project.length + 1)}`);
}

/** The figures of results/NAME.json. */
export function readResult<Figures>(name: string): Result<Figures> {
  return JSON.parse(readFileSync(join(directory, `${name}.json`), "utf8")) as Result<Figures>;
}

function commit(): string {
  const words = ["-C", project, "describe", "--always", "--dirty", "--exclude=*"];
  return execFileSync("git", words, { encoding: "utf8" }).trim();
}

function readMachine(): Machine {
  const { model } = cpus()[0] ?? { model: "" };
  return {
    processor: model || "unknown",
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    load: Number(loadavg()[2]!.toFixed(2)),
  };
}
