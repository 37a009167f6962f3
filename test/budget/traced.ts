// What a hot command loads: the product's bundle, with one statement more at the end of each module that tells of its
// evaluation, is run as the engine runs its own. Sources run one by one would tell another story: the bundle replaces modules
// and leaves out what nothing uses; and what a bundler says of a graph does not know which lazy part a command comes to.
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type BuildOptions, type Loader, type Metafile, type Plugin } from "esbuild";
import { bundleOptions, engineBundle } from "../../scripts/build-engine.ts";
import { root } from "../../scripts/build-step.ts";
import { makeBundle } from "../bench/tree.ts";

/** What was evaluated: sources, packages as `npm:NAME/FILE`, modules of node as `node:NAME`. */
export type Loaded = ReadonlySet<string>;

export type Trace = {
  /** By the name of the command, or of the entry of the library. */
  readonly loaded: ReadonlyMap<string, Loaded>;
  /** Which modules of the bundles import a module. */
  readonly importers: ReadonlyMap<string, readonly string[]>;
};

/** The entry of the library among the commands. */
export const libraryEntry = 'import "tsrun"';

type Report = {
  readonly evaluated: readonly string[];
  readonly asked: readonly string[];
  readonly loaded: readonly string[];
};

/** Runs every hot command once, as root, and loads the library. */
export async function traceCommands(): Promise<Trace> {
  const work = mkdtempSync(join(tmpdir(), "tsrun-imports-"));
  try {
    const engine = await bundleTraced(engineBundle(buildId()), join(work, "engine.cjs"));
    const library = await bundleTraced(libraryBundle(), join(work, "index.mjs"));
    const loaded = new Map([...runLife(work), [libraryEntry, loadLibrary(work)]]);
    return { loaded, importers: findImporters([engine, library]) };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function buildId(): string {
  const header = readFileSync(join(root, "build/build-id.h"), "utf8");
  return /"([^"]+)"/.exec(header)?.[1] ?? "";
}

function libraryBundle(): BuildOptions {
  return {
    ...bundleOptions(buildId()),
    entryPoints: ["src/index.ts"],
    format: "esm",
    target: "node24",
  };
}

async function bundleTraced(options: BuildOptions, outfile: string): Promise<Metafile> {
  const { metafile } = await build({ ...options, outfile, metafile: true, plugins: [tracing] });
  return metafile;
}

/** Adds to each module a statement that tells of its evaluation. */
const tracing: Plugin = {
  name: "tracing",
  setup(bundling) {
    bundling.onLoad({ filter: /\.(ts|js|cjs|mjs)$/ }, ({ path }) => {
      const name = JSON.stringify(nameOf(path.slice(root.length + 1)));
      const contents = `${readFileSync(path, "utf8")}\n;globalThis.tsrunEvaluated?.push(${name});\n`;
      const loader: Loader = extname(path) === ".ts" ? "ts" : "js";
      return { contents, loader };
    });
  },
};

function nameOf(path: string): string {
  return path.startsWith("node_modules/") ? `npm:${path.slice("node_modules/".length)}` : path;
}

/** One container's life, and a container that is run. */
function runLife(work: string): [string, Loaded][] {
  makeBundle(`${work}/sleep`, ["/bin/busybox", "sleep", "1000"]);
  makeBundle(`${work}/true`, ["/bin/busybox", "true"]);
  const id = `imports-${process.pid}`;
  const life: [name: string, ...words: string[]][] = [
    ["create", "--bundle", `${work}/sleep`, id],
    ["start", id],
    ["state", id],
    ["list"],
    ["exec", id, "/bin/busybox", "true"],
    ["kill", id, "KILL"],
    ["delete", "--force", id],
    ["run", "--bundle", `${work}/true`, `${id}-run`],
  ];
  try {
    return life.map((words) => [words[0], runCommand(work, words)]);
  } finally {
    spawnSync(`${root}/dist/tsrun`, ["--root", `${work}/state`, "delete", "--force", id]);
  }
}

function runCommand(work: string, words: readonly string[]): Loaded {
  const result = join(work, "result");
  rmSync(result, { force: true });
  const program = join(import.meta.dirname, "run-traced.cjs");
  const place = [join(work, "engine.cjs"), result, join(root, "build/Release")];
  run(work, [program, ...place, "--root", join(work, "state"), ...words]);
  return namesOf(JSON.parse(readFileSync(result, "utf8")) as Report);
}

function loadLibrary(work: string): Loaded {
  const script = `globalThis.tsrunEvaluated = [];
    const before = new Set(process.moduleLoadList);
    await import(${JSON.stringify(pathToFileURL(join(work, "index.mjs")).href)});
    const loaded = process.moduleLoadList.filter((name) => !before.has(name));
    console.log(JSON.stringify({ evaluated: tsrunEvaluated, asked: [], loaded }));`;
  const output = run(work, ["--input-type=module", "--eval", script]);
  return namesOf(JSON.parse(output) as Report);
}

/** Runs a program of node to its end; returns its output. By files: a container would hold a pipe. */
function run(work: string, words: readonly string[]): string {
  const output = join(work, "output");
  const fd = openSync(output, "w");
  const { status } = spawnSync(process.execPath, words, {
    stdio: ["ignore", fd, fd],
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  closeSync(fd);
  const text = readFileSync(output, "utf8");
  if (status === 0) return text;
  throw new Error(`${words.join(" ")}: status ${status}: ${text}`);
}

function namesOf({ evaluated, asked, loaded }: Report): Loaded {
  const prefix = "NativeModule ";
  const native = loaded.filter((name) => name.startsWith(prefix));
  return new Set([
    ...evaluated,
    ...asked.map(nameOfBuiltin),
    ...native.map((name) => nameOfBuiltin(name.slice(prefix.length))),
  ]);
}

function nameOfBuiltin(name: string): string {
  return name.startsWith("node:") ? name : `node:${name}`;
}

function findImporters(metafiles: readonly Metafile[]): Map<string, readonly string[]> {
  const importers = new Map<string, Set<string>>();
  for (const { inputs } of metafiles) {
    for (const [path, { imports }] of Object.entries(inputs)) {
      for (const { path: imported, external } of imports) {
        const name = external ? nameOfBuiltin(imported) : nameOf(imported);
        importers.set(name, (importers.get(name) ?? new Set()).add(nameOf(path)));
      }
    }
  }
  return new Map([...importers].map(([name, by]) => [name, [...by]]));
}
