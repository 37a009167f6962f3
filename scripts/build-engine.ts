// The bundle and the engine: Node with the bundle inside, as one executable.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { spawnSync } from "node:child_process";
import { type BuildOptions, buildSync } from "esbuild";
import { sampleConfig } from "./sample-config.ts";
import {
  copyByHugePages,
  execute,
  filesBelow,
  hash,
  identify,
  node,
  root,
  runStep,
} from "./build-step.ts";

// V8 takes the code cache only from a builder that ran with the same flags.
// The last one: a create allocates some 5 MB, and a young generation that holds it is never collected.
const v8Flags = [
  "--no-rehash-snapshot",
  "--no-opt",
  "--no-maglev",
  "--no-sparkplug",
  "--min-semi-space-size=16",
];
/** What an engine is made of, and where it goes. */
export type EngineParts = {
  readonly bundle: string;
  /** What V8 made of the bundle, as engine-main.cjs asks for it: for commands that make processes, and for the rest. */
  readonly codes: { readonly making: string; readonly minding: string };
  readonly main: string;
  /** What is left of the way here: its configuration, and the engine before it is copied. */
  readonly output: string;
  readonly engine: string;
};

const shipped: EngineParts = {
  bundle: "build/engine.cjs",
  codes: { making: "build/making.code", minding: "build/minding.code" },
  main: "scripts/engine-main.cjs",
  output: "build/engine",
  engine: "dist/lib/tsrun/engine",
};
const { bundle, codes, main, engine } = shipped;
const warmer = "scripts/warm-engine.cjs";

/** All of src/ as one script, without what only development needs. */
export function buildBundle(buildId: string): void {
  runStep({
    name: "bundle",
    fingerprint: () =>
      hash(
        [
          ...filesBelow("src", /\.ts$/),
          "package.json",
          "package-lock.json",
          "scripts/build-engine.ts",
        ],
        buildId,
      ),
    outputs: [bundle],
    run: () => {
      try {
        writeBundle(buildId);
      } catch {
        process.exit(1); // esbuild has said what is wrong
      }
    },
  });
}

function writeBundle(buildId: string): void {
  buildSync({ ...engineBundle(buildId), outfile: bundle, sourcemap: "external" });
  if (/[^\0-\x7f]/.test(readFileSync(join(root, bundle), "latin1"))) {
    console.error(`${bundle} is not ASCII: esbuild leaves regular expressions as they are`);
    process.exit(1);
  }
}

/** How the engine's bundle is made. */
export function engineBundle(buildId: string): BuildOptions {
  return {
    ...bundleOptions(buildId),
    entryPoints: ["src/main.ts"],
    format: "cjs",
    target: "node26",
    charset: "ascii",
    // A function of what node gives a module: engine-main.cjs calls it.
    banner: { js: "(function (exports, require, module, __filename, __dirname) {" },
    footer: { js: "})" },
  };
}

/** What all bundles have in common: the engine's and the npm package's. */
export function bundleOptions(buildId: string): BuildOptions & { define: Record<string, string> } {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    version: string;
  };
  return {
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    minify: true,
    alias: {
      // Only commander wants it, for executable subcommands; loading it would cost every help text 2 ms.
      "node:child_process": "./scripts/build-nothing.cjs",
      // Its main is UMD, whose require esbuild cannot follow; its formatter prepares tables of white space
      // when it is loaded, which takes 1 ms.
      "jsonc-parser": "./node_modules/jsonc-parser/lib/esm/impl/parser.js",
    },
    define: {
      __TSRUN_VERSION__: JSON.stringify(version),
      __TSRUN_COMMIT__: JSON.stringify(commit()),
      __TSRUN_BUILD_ID__: JSON.stringify(buildId),
    },
    logLevel: "warning",
  };
}

/** The commit the bundle was made from, if this is a clone. A later commit of the same content makes no new bundle. */
function commit(): string {
  const { status, stdout } = spawnSync(
    "git",
    ["describe", "--always", "--dirty", "--exclude=*", "--abbrev=40"],
    {
      cwd: root,
      encoding: "utf8",
    },
  );
  return status === 0 ? stdout.trim() : "";
}

/** The code that V8 makes of the bundle when it is run. */
export function warmEngine(): void {
  runStep({
    name: "code",
    fingerprint: () => hash([bundle, warmer, "scripts/build-engine.ts"], identify(node)),
    outputs: Object.values(codes),
    run: () => writeCodes(shipped),
  });
}

/** Runs the bundle for what V8 makes of it. */
export function writeCodes({ bundle, codes }: EngineParts): void {
  const directory = join(root, "build/warm");
  mkdirSync(join(directory, "rootfs"), { recursive: true });
  // Any static program will do; this one complains and ends.
  copyFileSync(join(root, "build/Release/init"), join(directory, "rootfs/init"));
  writeFileSync(join(directory, "config.json"), sampleConfig(["/init"]));
  // What a build that was interrupted has left would be in the way.
  for (const life of ["minding", "making", "minding"] as const) {
    const code = codes[life];
    rmSync(join(root, code), { force: true });
    warm({ bundle, code, life }, directory);
  }
}

/** One run of the bundle. One that does not come to its end leaves the code of a bundle that was only compiled. */
function warm(
  { bundle, code, life }: { bundle: string; code: string; life: string },
  directory: string,
): void {
  const script = [...v8Flags, warmer, bundle, code];
  spawnSync(node, [...script, life, join(root, "build/Release"), directory], {
    cwd: root,
    stdio: "ignore",
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  if (!existsSync(join(root, code))) execute(node, script);
}

/** Node's single executable application with the bundle, its code and our flags. */
export function buildEngine(): void {
  runStep({
    name: "engine",
    fingerprint: () =>
      hash([bundle, main, ...Object.values(codes), "scripts/build-engine.ts"], identify(node)),
    outputs: [engine],
    run: () => writeEngine(shipped),
  });
}

/** Puts node, the bundle and its code together. */
export function writeEngine({ bundle, codes, main, output, engine }: EngineParts): void {
  const config = {
    main,
    assets: { bundle, ...codes },
    output,
    executable: node,
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    execArgv: v8Flags,
    // The environment has no say: NODE_OPTIONS could load code into a process of root.
    execArgvExtension: "none",
  };
  writeFileSync(join(root, `${output}.json`), JSON.stringify(config, null, 2));
  execute(node, [...v8Flags, "--build-sea", `${output}.json`]);
  mkdirSync(join(root, dirname(engine)), { recursive: true });
  copyByHugePages(output, `${engine}.new`);
  renameSync(join(root, `${engine}.new`), join(root, engine));
  rmSync(join(root, output));
}
