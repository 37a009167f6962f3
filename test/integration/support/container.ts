import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { baseConfig, makeRootfs, type Config } from "./bundle.ts";
import { run, scratch, type Result, type RunOptions } from "./runtime.ts";
import { until } from "./wait.ts";

export type { Config } from "./bundle.ts";

/** What `state` prints. */
export type State = {
  ociVersion: string;
  id: string;
  pid: number;
  status: string;
  bundle: string;
  rootfs: string;
  created: string;
  annotations?: Record<string, string>;
  owner: string;
};

export type Container = {
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  /** --root of this test file. */
  readonly root: string;
  readonly pidFile: string;
  /** Writes config.json again after an edit. */
  configure(edit: (config: Config) => void): void;
  /** The runtime with --root; for everything the methods below do not say. */
  call(args: readonly string[], options?: RunOptions): Result;
  create(flags?: readonly string[], options?: RunOptions): Result;
  start(options?: RunOptions): Result;
  /** Foreground run (or with --detach in flags). */
  run(flags?: readonly string[], options?: RunOptions): Result;
  kill(...args: string[]): Result;
  delete(...flags: string[]): Result;
  /** The parsed output of `state`. */
  state(): State;
  status(): string;
  waitFor(status: string): boolean;
  /** What a created or detached container wrote to its stdout and stderr so far. */
  stdout(): string;
  stderr(): string;
};

export const root = join(scratch, "root");
let counter = 0;
/** Node has it, the types of ES2024 do not. */
const rawJson = JSON as typeof JSON & { rawJSON(text: string): unknown };

/** A bundle and an id, both new; whatever comes of them is removed when the test ends. */
export function prepare(test: Test, edit: (config: Config) => void = () => {}): Container {
  counter += 1;
  const id = `t${process.pid}-${counter}`;
  const bundle = join(scratch, `bundle-${counter}`);
  const rootfs = join(bundle, "rootfs");
  mkdirSync(rootfs, { recursive: true });
  makeRootfs(rootfs);
  const config = baseConfig();
  const container = bind({ id, bundle, rootfs }, config);
  container.configure(edit);
  test.teardown(() => {
    if (existsSync(root)) run(["--root", root, "delete", "--force", id]);
    rmSync(bundle, { recursive: true, force: true });
  });
  return container;
}

type Place = { id: string; bundle: string; rootfs: string };

function bind(place: Place, config: Config): Container {
  const { id, bundle } = place;
  const output = { stdout: join(bundle, "stdout"), stderr: join(bundle, "stderr") };
  const call = (args: readonly string[], options?: RunOptions) =>
    run(["--root", root, ...args], options);
  const detached = (options?: RunOptions): RunOptions => ({ output, ...options });
  const state = () => {
    const { status: exit, stdout, stderr } = call(["state", id]);
    if (exit !== 0) throw new Error(`state ${id}: ${stderr || read(output.stderr)}`);
    return JSON.parse(stdout) as State;
  };
  const status = () => state().status;
  return {
    ...place,
    root,
    pidFile: join(bundle, "pid"),
    configure(edit) {
      edit(config);
      writeConfig(bundle, config);
    },
    call,
    create: (flags = [], options) =>
      call(["create", "--bundle", bundle, ...flags, id], detached(options)),
    start: (options) => call(["start", id], options),
    run: (flags = [], options) =>
      call(["run", "--bundle", bundle, ...flags, id], detached(options)),
    kill: (...args) => call(["kill", id, ...args]),
    delete: (...flags) => call(["delete", ...flags, id]),
    state,
    status,
    waitFor: (wanted) => until(() => status() === wanted),
    stdout: () => read(output.stdout),
    stderr: () => read(output.stderr),
  };
}

/** A container that sleeps, created in a cgroup of its own below /tests. */
export function createSleeper(t: Test, edit: (config: Config) => void = () => {}): Container {
  const c = prepare(t, (config) => {
    config.process.args = ["sleep", "1000"];
    edit(config);
  });
  c.configure((config) => (config.linux.cgroupsPath = `/tests/${c.id}`));
  const { status } = c.create();
  t.equal(status, 0, c.stderr());
  return c;
}

/** Writes config.json; 64-bit integers keep all their digits. */
export function writeConfig(bundle: string, config: unknown): void {
  const text = JSON.stringify(
    config,
    (_, value: unknown) => (typeof value === "bigint" ? rawJson.rawJSON(String(value)) : value),
    2,
  );
  writeFileSync(join(bundle, "config.json"), text);
}

/** The process that runs this shell script. */
export function shell(script: string): string[] {
  return ["sh", "-c", script];
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
