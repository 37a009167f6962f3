// Steps of the build: a step runs when what it depends on has changed since it last succeeded.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";

export const root = dirname(import.meta.dirname);
export const node = process.execPath;
/** Directory of the npm package that brings Node, with its headers. */
export const nodeDirectory = dirname(dirname(node));

export type Step = {
  readonly name: string;
  /** Changes when the step has to run. */
  readonly fingerprint: () => string;
  readonly outputs: readonly string[];
  readonly run: () => void;
};

/** Runs the step if need be, and says so; the time is in the line. */
export function runStep({ name, fingerprint, outputs, run }: Step): void {
  const stamp = join(root, "build", "stamps", name.replaceAll(/[^a-z]+/g, "-"));
  const before = existsSync(stamp) ? readFileSync(stamp, "utf8") : "";
  if (before === fingerprint() && outputs.every((path) => existsSync(join(root, path)))) return;
  const start = performance.now();
  run();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, fingerprint());
  console.log(`${name.padEnd(32)} ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** Hexadecimal SHA-256 of texts and of the content of files (paths relative to the root). */
export function hash(paths: readonly string[], ...texts: readonly string[]): string {
  const sum = createHash("sha256");
  for (const text of texts) sum.update(`${text}\0`);
  for (const path of paths) {
    sum.update(`${path}\0`);
    if (existsSync(join(root, path))) sum.update(readFileSync(join(root, path)));
    sum.update("\0");
  }
  return sum.digest("hex");
}

/** Files below a directory whose names match, sorted. */
export function filesBelow(directory: string, pattern: RegExp): string[] {
  return readdirSync(join(root, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

/** Stands for the content of a file too large to read for that. */
export function identify(path: string): string {
  const { size, mtimeMs } = statSync(path);
  return `${path} ${size} ${mtimeMs}`;
}

/**
 * Copies a program that is to start fast: written by huge pages, it lies so in the page cache (where the file system can), and
 * is mapped so (ADR 10). Mode 0755.
 */
export function copyByHugePages(from: string, to: string): void {
  execute("dd", [`if=${from}`, `of=${to}`, "bs=2M", "status=none"]);
  chmodSync(resolve(root, to), 0o755);
}

/** Runs a program; what it says is shown only when it fails, and ends the build. */
export function execute(program: string, args: readonly string[]): string {
  // node-gyp calls `node` by name.
  const PATH = `${dirname(node)}:${process.env.PATH ?? "/usr/bin:/bin"}`;
  const result = spawnSync(program, args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, PATH },
    maxBuffer: 1 << 26,
  });
  if (result.status === 0) return result.stdout;
  console.error(`${result.stdout ?? ""}${result.stderr ?? ""}`.trimEnd());
  console.error(
    `build: ${[program, ...args].join(" ")}: ${result.error?.message ?? `status ${result.status}`}`,
  );
  process.exit(1);
}
