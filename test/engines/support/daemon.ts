import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { isAlive } from "../../integration/support/process.ts";
import { scratch } from "../../integration/support/runtime.ts";
import { until } from "../../integration/support/wait.ts";

export type DaemonOptions = {
  /** What says that it can be called, mostly that its socket is there. */
  readonly ready: string | (() => boolean);
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
};

export type Daemon = {
  readonly pid: number;
  /** What it has written so far. */
  log(): string;
  /** Ends it, by force when it does not go. */
  stop(): void;
};

let counter = 0;

/**
 * Starts a daemon and waits until it can be called. It ends with the file; each test that fails shows what the daemon
 * wrote during that test.
 */
export function startDaemon(t: Test, command: readonly string[], options: DaemonOptions): Daemon {
  const [file, ...args] = command as [string, ...string[]];
  counter += 1;
  const logFile = join(scratch, `daemon-${counter}.log`);
  const output = openSync(logFile, "a");
  const child = spawn(file, args, {
    cwd: options.cwd ?? scratch,
    env: options.env ?? process.env,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  child.on("error", (error) => t.comment(`${file}: ${error.message}`));
  const log = () => readFileSync(logFile, "utf8");
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} cannot be run`);
  const stop = () => end(pid);
  const { ready } = options;
  const isReady = typeof ready === "string" ? () => existsSync(ready) : ready;
  t.teardown(stop);
  if (!until(() => isReady() || !isAlive(pid), 60_000) || !isReady()) {
    throw new Error(`${file} does not answer:\n${log()}`);
  }
  showOnFailure(t, log);
  return { pid, log, stop };
}

function end(pid: number): void {
  if (!isAlive(pid)) return;
  process.kill(pid, "SIGTERM");
  if (!until(() => !isAlive(pid), 10_000)) process.kill(pid, "SIGKILL");
}

function showOnFailure(t: Test, log: () => string): void {
  let seen = log().length;
  t.beforeEach(() => {
    seen = log().length;
  });
  t.afterEach((test) => {
    if (!test.passing()) test.comment(`the daemon meanwhile:\n${log().slice(seen)}`);
  });
}
