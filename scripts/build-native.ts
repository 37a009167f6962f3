// The native part: the wire's generated files, the build id, and what binding.gyp describes.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  execute,
  filesBelow,
  hash,
  identify,
  node,
  nodeDirectory,
  root,
  runStep,
} from "./build-step.ts";

const sources = () => ["binding.gyp", ...filesBelow("native", /\.(c|cc|h|def)$/)];

/** What is shared by TypeScript and C is written once and generated for the other. */
export function generateSources(): void {
  const wire = ["src/plan/wire.ts", "native/init/wire.h"];
  runStep({
    name: "wire",
    fingerprint: () => hash(["native/wire.def", "scripts/gen-wire.ts", ...wire]),
    outputs: wire,
    run: () => execute(node, ["scripts/gen-wire.ts"]),
  });
  const words = "native/launcher/command-line.h";
  const tables = [
    ...filesBelow("src/cli/flags", /\.ts$/),
    "src/cli/program.ts",
    "src/cli/root.ts",
    "src/lifecycle/verbs.ts",
    "src/spec/tables.ts",
  ];
  runStep({
    name: "command line",
    fingerprint: () => hash([...tables, "scripts/gen-command-line.ts", words]),
    outputs: [words],
    run: () => execute(node, ["scripts/gen-command-line.ts"]),
  });
}

/**
 * 32 hexadecimal digits that addon, init and bundle share. It stands for the native sources, the wire among them: any
 * TypeScript that was built against the same ones fits, so a change there needs no new native build.
 */
export function writeBuildId(): string {
  const id = hash(sources()).slice(0, 32);
  const header = `#pragma once\n#define TSRUN_BUILD_ID "${id}"\n`;
  const path = join(root, "build/build-id.h");
  if (!existsSync(path) || readFileSync(path, "utf8") !== header) writeFileSync(path, header);
  return id;
}

function gyp(command: string, ...args: string[]): void {
  const program = join(root, "node_modules/node-gyp/bin/node-gyp.js");
  execute(node, [program, command, `--nodedir=${nodeDirectory}`, "--loglevel=warn", ...args]);
}

/** Targets of binding.gyp into build/Release. */
export function buildNative(targets: readonly string[]): void {
  runStep({
    name: "configure",
    // The names of the sources, not their content: binding.gyp lists directories.
    fingerprint: () => hash(["binding.gyp"], sources().join("\n"), identify(node)),
    outputs: ["build/Makefile"],
    run: () => gyp("configure"),
  });
  const files: Record<string, string> = {
    tsrun: "tsrun.node",
    prefault: "prefault.so",
  };
  runStep({
    name: targets.join(", "),
    fingerprint: () => hash([...sources(), "build/build-id.h"], identify(node)),
    outputs: targets.map((target) => `build/Release/${files[target] ?? target}`),
    run: () => gyp("build", "--jobs=max", ...targets),
  });
}
