// An engine that tells where its time goes, for the benchmark alone: the sources with a mark at the begin and the end of some
// functions, built as the product is. The product itself has no marks.
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import {
  type EngineParts,
  engineBundle,
  writeCodes,
  writeEngine,
} from "../../scripts/build-engine.ts";
import { root } from "../../scripts/build-step.ts";

const place = "build/marked";
const parts: EngineParts = {
  bundle: `${place}/engine.cjs`,
  codes: { making: `${place}/making.code`, minding: `${place}/minding.code` },
  main: `${place}/engine-main.cjs`,
  output: `${place}/engine`,
  engine: `${place}/dist/lib/tsrun/engine`,
};

/** The phases of a command, in their order. What is not in a marked function is the phase of the function around it. */
export const phases = [
  "node start",
  "module load",
  "parse",
  "host facts",
  "seccomp",
  "plan",
  "state and cgroup",
  "spawn",
  "init",
  "program",
  "exit",
] as const;
export type Phase = (typeof phases)[number];

type Marked = { readonly file: string; readonly name: string; readonly phase: Phase };

const marked: readonly Marked[] = [
  ...["create", "run", "exec"].map((name) => ({
    file: `src/cli/${name}.ts`,
    name,
    phase: "state and cgroup" as const,
  })),
  { file: "src/spec/load.ts", name: "loadSpec", phase: "parse" },
  { file: "src/lifecycle/container-config.ts", name: "readContainerConfig", phase: "parse" },
  { file: "src/host/read.ts", name: "readHostFacts", phase: "host facts" },
  { file: "src/lifecycle/seccomp.ts", name: "containerSeccomp", phase: "seccomp" },
  { file: "src/lifecycle/prepare.ts", name: "prepare", phase: "plan" },
  { file: "src/lifecycle/exec.ts", name: "planJoin", phase: "plan" },
  { file: "src/plan/encode.ts", name: "encodePlan", phase: "plan" },
  { file: "src/lifecycle/spawn.ts", name: "spawnInit", phase: "spawn" },
  { file: "src/lifecycle/converse.ts", name: "converse", phase: "init" },
  { file: "src/lifecycle/make.ts", name: "carryOut", phase: "state and cgroup" },
  { file: "src/stdio/foreground.ts", name: "relay", phase: "program" },
  { file: "src/main.ts", name: "leave", phase: "exit" },
];

/** Says when the first line of the engine ran. */
const began = "globalThis.tsrunBegan = process.hrtime.bigint();";

/** Before the bundle: marks are kept, and written when the command is about to end. */
const prelude = `globalThis.tsrunMarks = [];
globalThis.tsrunMark = (phase, work) => {
  const { tsrunMarks } = globalThis;
  const end = () => void tsrunMarks.push(["", String(process.hrtime.bigint())]);
  tsrunMarks.push([phase, String(process.hrtime.bigint())]);
  const { BENCH_MARKS } = process.env;
  if (phase === "exit" && BENCH_MARKS) {
    const marks = [["module load", String(globalThis.tsrunBegan)], ...tsrunMarks];
    require("node:fs").appendFileSync(BENCH_MARKS, JSON.stringify(marks) + "\\n");
  }
  let result;
  try {
    result = work();
  } catch (error) {
    end();
    throw error;
  }
  if (result instanceof Promise) return result.finally(end);
  end();
  return result;
};`;

/** Builds it into a dist of its own below `build/marked`, beside the product's other files; returns that directory. */
export function buildMarkedEngine(): string {
  const directory = join(root, place);
  rmSync(directory, { recursive: true, force: true });
  for (const name of ["src", "hooks"]) {
    cpSync(join(root, name), join(directory, name), { recursive: true });
  }
  cpSync(join(root, "dist"), join(directory, "dist"), { recursive: true });
  for (const [file, text] of markSources()) writeFileSync(join(directory, file), text);
  const main = readFileSync(join(root, "scripts/engine-main.cjs"), "utf8");
  writeFileSync(join(root, parts.main), `${began}\n${main}`);
  const header = readFileSync(join(root, "build/build-id.h"), "utf8");
  const options = engineBundle(/"([^"]+)"/.exec(header)?.[1] ?? "");
  buildSync({
    ...options,
    entryPoints: [`${place}/src/main.ts`],
    outfile: parts.bundle,
    banner: { js: `${options.banner!["js"]}${prelude}` },
  });
  writeCodes(parts);
  writeEngine(parts);
  return join(directory, "dist");
}

/** The sources that have marks, with them, by their names. */
export function markSources(): Map<string, string> {
  const sources = new Map<string, string>();
  for (const one of marked) {
    const before = sources.get(one.file) ?? readFileSync(join(root, one.file), "utf8");
    sources.set(one.file, mark(before, one));
  }
  return sources;
}

/** Puts a function of the name in front of the function that does the work. */
function mark(text: string, { file, name, phase }: Marked): string {
  const head = new RegExp(`^(export )?(async )?function ${name}\\(`, "m");
  const found = head.exec(text);
  if (found === null) throw new Error(`${file} has no function ${name} to be marked any more`);
  const [, exported = "", async = ""] = found;
  const own = `marked_${name}`;
  const wrapper = `${exported}function ${name}(...given: any[]): any {
  return (globalThis as any).tsrunMark(${JSON.stringify(phase)}, () => (${own} as any)(...given));
}\n`;
  return text.replace(head, `${wrapper}${async}function ${own}(`);
}
