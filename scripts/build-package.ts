// The npm package in build/package: the bundles, their types, the native part. Nothing is left to be done at install.
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { bundleOptions } from "./build-engine.ts";
import { execute, filesBelow, hash, node, root, runStep } from "./build-step.ts";

const directory = "build/package";
const program = "bin/tsrun.cjs";
const copies = [
  { from: "build/Release/tsrun.node", to: "native/tsrun.node" },
  { from: "build/Release/init", to: "native/init" },
  ...["README.md", "LICENSE", "NOTICE", "LICENSES"].map((name) => ({ from: name, to: name })),
];

/** Makes build/package, if anything of it has changed. */
export function buildPackage(buildId: string): void {
  runStep({
    name: "package",
    fingerprint: () => hash(inputs(), buildId),
    outputs: ["package.json", program, "index.js", "worker.js", "native/init"].map((path) =>
      join(directory, path),
    ),
    run: () => writePackage(buildId),
  });
}

function inputs(): string[] {
  return [
    ...["src", "hooks"].flatMap((name) => filesBelow(name, /\.ts$/)),
    ...filesBelow("scripts", /^build-/),
    ...filesBelow("LICENSES", /./),
    ...copies.map(({ from }) => from).filter((path) => path !== "LICENSES"),
    "package.json",
    "package-lock.json",
    "tsconfig.json",
  ];
}

function writePackage(buildId: string): void {
  rmSync(join(root, directory), { recursive: true, force: true });
  mkdirSync(join(root, directory, "native"), { recursive: true });
  try {
    writeBundles(buildId);
  } catch {
    process.exit(1); // esbuild has said what is wrong
  }
  writeTypes();
  for (const { from, to } of copies) {
    cpSync(join(root, from), join(root, directory, to), { recursive: true });
  }
  const manifest = `${JSON.stringify(describePackage(), null, 2)}\n`;
  writeFileSync(join(root, directory, "package.json"), manifest);
}

function writeBundles(buildId: string): void {
  const common = bundleOptions(buildId);
  const main = join(directory, program);
  buildSync({
    ...common,
    entryPoints: ["src/main.ts"],
    outfile: main,
    format: "cjs",
    target: "node24",
    banner: { js: "#!/usr/bin/env node" },
    define: { ...common.define, __TSRUN_NATIVE__: '"../native"' },
  });
  chmodSync(join(root, main), 0o755);
  buildSync({
    ...common,
    entryPoints: { index: "src/index.ts", worker: "src/library/worker.ts" },
    outdir: directory,
    // What the library and its worker share is there once.
    splitting: true,
    chunkNames: "shared-[hash]",
    format: "esm",
    target: "node24",
  });
}

/** tsc's declarations of what index.ts leads to. */
function writeTypes(): void {
  const project = "build/package-types.json";
  const config = {
    extends: "../tsconfig.json",
    files: ["../src/index.ts"],
    include: [],
    compilerOptions: {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: "..",
      outDir: "package/types",
    },
  };
  writeFileSync(join(root, project), JSON.stringify(config, null, 2));
  execute(node, [join(root, "node_modules/typescript/bin/tsc"), "--project", project]);
}

function describePackage(): Record<string, unknown> {
  const text = readFileSync(join(root, "package.json"), "utf8");
  const own = JSON.parse(text) as Record<string, unknown>;
  const { name, version, description, license, engines } = own;
  return {
    name,
    version,
    description,
    license,
    // No os and no cpu: what only reads and plans works everywhere; what does not says so.
    engines,
    type: "module",
    // Or npm would make up an install script, were there ever a binding.gyp in it.
    gypfile: false,
    bin: { tsrun: program },
    exports: { ".": { types: "./types/src/index.d.ts", default: "./index.js" } },
  };
}
