import { spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";

/** The runtime under test: $TSRUN (tsrun, runc, crun), else the one that was built. */
export const runtime = resolve(
  process.env.TSRUN ?? join(import.meta.dirname, "../../../dist/tsrun"),
);

export type RuntimeKind = "tsrun" | "runc" | "crun";

/** Which runtime it is, by the name of its file. */
export const kind: RuntimeKind = detectKind();

/** The version of the runtime, e.g. [1, 1, 5]. */
export const version: readonly number[] = detectVersion();

/** Scratch directory of this test file; removed at its end. */
export const scratch = realpathSync(mkdtempSync(join(tmpdir(), "tsrun-test-")));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

export type Result = {
  status: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
};

export type RunOptions = {
  cwd?: string;
  /** The whole environment; default: PATH alone, as engines call runtimes. */
  env?: Record<string, string>;
  input?: string;
  /** Milliseconds until the runtime is killed; the test then fails by its status null. */
  timeout?: number;
  /** Descriptors for 3 and up. */
  extraFds?: number[];
  /** Where stdout and stderr go; default: files that are read afterwards. */
  output?: { stdout: string; stderr: string };
};

const defaultEnv = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };
let counter = 0;

/**
 * Runs any program to its end. stdout and stderr are files, not pipes: a container that outlives the
 * runtime keeps them, and nobody waits for it.
 */
export function execute(file: string, args: readonly string[], options: RunOptions = {}): Result {
  const number = (counter += 1);
  const output = options.output ?? {
    stdout: join(scratch, `stdout.${number}`),
    stderr: join(scratch, `stderr.${number}`),
  };
  const stdout = openSync(output.stdout, "a");
  const stderr = openSync(output.stderr, "a");
  const done = spawnSync(file, [...args], {
    cwd: options.cwd,
    env: options.env ?? defaultEnv,
    input: options.input,
    timeout: options.timeout ?? 30_000,
    killSignal: "SIGKILL",
    stdio: [
      options.input === undefined ? "ignore" : "pipe",
      stdout,
      stderr,
      ...(options.extraFds ?? []),
    ],
  });
  closeSync(stdout);
  closeSync(stderr);
  return {
    status: done.status,
    signal: done.signal,
    stdout: readFileSync(output.stdout, "utf8"),
    stderr: readFileSync(output.stderr, "utf8"),
  };
}

/** Runs the runtime with these arguments as they are. */
export function run(args: readonly string[], options: RunOptions = {}): Result {
  return execute(runtime, args, options);
}

/** A reason to skip when the runtime is another one than tsrun, else false. */
export function onlyTsrun(what: string): string | false {
  return kind === "tsrun" ? false : `${what} is tsrun's own`;
}

/** A reason to skip for one runtime that is known to do otherwise, else false. */
export function notWith(other: RuntimeKind, why: string): string | false {
  return kind === other ? `${other}: ${why}` : false;
}

/** A reason to skip for runc before a version, else false. */
export function runcBefore(wanted: string, why: string): string | false {
  if (kind !== "runc") return false;
  const [major = 0, minor = 0] = wanted.split(".").map(Number);
  const [haveMajor = 0, haveMinor = 0] = version;
  return haveMajor < major || (haveMajor === major && haveMinor < minor)
    ? `runc before ${wanted}: ${why}`
    : false;
}

function detectKind(): RuntimeKind {
  if (!existsSync(runtime)) throw new Error(`no runtime at ${runtime}: build it, or set TSRUN`);
  const name = basename(runtime);
  return name === "runc" || name === "crun" ? name : "tsrun";
}

function detectVersion(): number[] {
  const { stdout } = spawnSync(runtime, ["--version"], { encoding: "utf8", timeout: 30_000 });
  const text = /version (\d+)\.(\d+)\.(\d+)/.exec(stdout);
  return text === null ? [] : text.slice(1).map(Number);
}
