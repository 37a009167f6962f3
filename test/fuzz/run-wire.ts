// The readers of init and of the launcher under libFuzzer with ASan and UBSan.
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Op, opTable, type Step, stepTable } from "../../src/plan/wire.ts";
import { compile, encodeOps } from "../unit/native/run-init.ts";

export const wireNames = ["wire", "verbs"] as const;
type Name = (typeof wireNames)[number];
type Table = Readonly<Record<string, { fields: readonly (readonly [string, string])[] }>>;

const tables: Readonly<Record<Name, Table>> = { wire: opTable, verbs: stepTable };
const corpora = join(import.meta.dirname, "corpus");

/** Fuzzes for that many seconds and returns the exit status of libFuzzer; finds are written into build/fuzz/NAME. */
export function fuzzWire(name: Name, seconds: number): number {
  const found = join(import.meta.dirname, "../../build/fuzz", name);
  mkdirSync(found, { recursive: true });
  const limits = [`-max_total_time=${seconds}`, "-max_len=8192", "-print_final_stats=1"];
  const directories = [found, makeSeeds(name, join(found, "../seeds")), join(corpora, name)];
  const { status } = spawnSync(compile(`fuzz-${name}`), [...limits, ...directories], {
    stdio: "inherit",
    cwd: found,
  });
  return status ?? 1;
}

export type Regression = {
  status: number | null;
  accepted: number;
  executions: number;
  output: string;
};

/** The committed corpus and a number of mutations, the same ones each time. */
export function checkWire(name: Name, runs: number, scratch: string): Regression {
  const limits = [`-runs=${runs}`, "-seed=1", "-max_len=8192", "-timeout=20"];
  const directories = [makeSeeds(name, scratch), join(corpora, name)];
  const { status, stderr } = spawnSync(compile(`fuzz-${name}`), [...limits, ...directories], {
    encoding: "utf8",
    timeout: 100_000,
    cwd: scratch,
  });
  const [, accepted, executions] = /^(\d+) of (\d+) were accepted/m.exec(stderr) ?? [];
  return { status, accepted: Number(accepted), executions: Number(executions), output: stderr };
}

/** A plan of every op, and one of each alone, in the encoding of now. */
function makeSeeds(name: Name, scratch: string): string {
  const directory = join(scratch, `seeds-${name}`);
  mkdirSync(directory, { recursive: true });
  const ops = oneOfEach(tables[name]);
  writeFileSync(join(directory, "all"), encodeOps(ops, 2));
  for (const op of ops) writeFileSync(join(directory, op.op), encodeOps([op]));
  return directory;
}

/** One op of every kind there is, with something in each field. */
function oneOfEach(table: Table): (Op | Step)[] {
  return Object.entries(table).map(([op, { fields }]) => {
    const values: Readonly<Record<string, unknown>> = {
      u: 3,
      s: `text of ${op}`,
      b: Buffer.from("blob"),
      v: ["one", "", "three"],
    };
    const filled = fields.map(([name, kind]) => [name, values[kind]]);
    return { op, ...Object.fromEntries(filled) } as Op | Step;
  });
}
