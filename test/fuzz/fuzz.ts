// npm run fuzz -- NAME [SECONDS]: fuzzes one of the targets and says what came of it; a find is written into build/fuzz/NAME.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { watchCoverage } from "./coverage.ts";
import { type Figures, fuzz } from "./loop.ts";
import { randomFrom } from "./random.ts";
import { fuzzWire, wireNames } from "./run-wire.ts";
import { targetNames, targets } from "./targets.ts";

const [name = "", seconds = "60"] = process.argv.slice(2);
const wire = wireNames.find((known) => known === name);
const own = targetNames.find((known) => known === name);
if (wire !== undefined) process.exitCode = fuzzWire(wire, Number(seconds));
else if (own !== undefined) fuzzHere(own);
else {
  console.error(
    `fuzz: what is to be fuzzed is one of ${[...targetNames, ...wireNames].join(", ")}`,
  );
  process.exitCode = 1;
}

function fuzzHere(name: (typeof targetNames)[number]): void {
  const directory = join(import.meta.dirname, "../../build/fuzz", name);
  mkdirSync(directory, { recursive: true });
  const seed = Number(process.env.SEED ?? Date.now() % 0x7fff_ffff);
  const target = { ...targets[name], seeds: [...targets[name].seeds, ...textsIn(directory)] };
  const end = performance.now() + Number(seconds) * 1000;
  console.log(`fuzz ${name}: ${seconds} s, SEED=${seed}, node ${process.version}`);
  let shown = 0;
  const figures = fuzz(target, {
    until: () => performance.now() > end,
    blocks: watchCoverage(),
    random: randomFrom(seed),
    tell: (now) => {
      console.log(sum(now));
      for (const { text, error } of now.finds.slice(shown)) keep(directory, text, error);
      shown = now.finds.length;
    },
  });
  for (const { text, error } of figures.finds.slice(shown)) keep(directory, text, error);
  console.log(sum(figures));
  process.exitCode = figures.finds.length === 0 ? 0 : 1;
}

function textsIn(directory: string): string[] {
  return readdirSync(directory).map((file) => readFileSync(join(directory, file), "utf8"));
}

function keep(directory: string, text: string, error: Error): void {
  const file = join(directory, createHash("sha256").update(text).digest("hex").slice(0, 16));
  writeFileSync(file, text);
  console.log(`find: ${file}\n${error.stack}`);
}

function sum({ executions, accepted, blocks, inputs, finds }: Figures): string {
  return `${executions} executions, ${accepted} accepted, ${blocks} blocks of src run by ${inputs} inputs, ${finds.length} finds`;
}
