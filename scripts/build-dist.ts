// The whole build; scripts/build is its entry. Each step is skipped when nothing it depends on has changed.
import { copyFileSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { hash, root, runStep } from "./build-step.ts";
import { buildNative, generateSources, writeBuildId } from "./build-native.ts";

const shipped = [
  { from: "build/Release/launcher", to: "dist/tsrun" },
  { from: "build/Release/tsrun.node", to: "dist/lib/tsrun/tsrun.node" },
  { from: "build/Release/init", to: "dist/lib/tsrun/init" },
  { from: "build/Release/prefault.so", to: "dist/lib/tsrun/prefault.so" },
];

/** Renamed into place: what is running keeps its file. */
function copyShipped(): void {
  mkdirSync(join(root, "dist/lib/tsrun"), { recursive: true });
  for (const { from, to } of shipped) {
    copyFileSync(join(root, from), join(root, `${to}.new`));
    renameSync(join(root, `${to}.new`), join(root, to));
  }
}

async function buildAll(): Promise<void> {
  const start = performance.now();
  generateSources();
  const id = writeBuildId();
  buildNative(["tsrun", "init", "launcher", "prefault"]);
  runStep({
    name: "dist",
    fingerprint: () => hash(shipped.map(({ from }) => from)),
    outputs: shipped.map(({ to }) => to),
    run: copyShipped,
  });
  // esbuild is loaded for this only.
  const { buildBundle, buildEngine, warmEngine } = await import("./build-engine.ts");
  buildBundle(id);
  warmEngine();
  buildEngine();
  console.log(
    `dist/tsrun is ready              ${((performance.now() - start) / 1000).toFixed(1)} s`,
  );
}

/** The npm package; it needs no engine. */
async function buildNpmPackage(): Promise<void> {
  generateSources();
  const id = writeBuildId();
  buildNative(["tsrun", "init", "launcher"]);
  const { buildPackage } = await import("./build-package.ts");
  buildPackage(id);
  console.log("build/package is ready: npm pack makes the tarball of it");
}

const targets = process.argv.slice(2);
if (targets.join() === "package") await buildNpmPackage();
else if (targets.join() === "deb") {
  await buildAll();
  const { buildDeb } = await import("./build-deb.ts");
  console.log(`${buildDeb()} is ready`);
} else if (targets.length > 0) {
  generateSources();
  writeBuildId();
  buildNative(targets);
} else await buildAll();
