import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runtime, scratch, type Result } from "./runtime.ts";

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
let counter = 0;

/** A runtime command that still runs. */
export type Running = {
  readonly child: ChildProcess;
  /** Ends with the command. */
  readonly result: Promise<Result>;
  /** What it has written to its stdout so far. */
  stdout(): string;
};

/** Starts the runtime and does not wait; its output goes to files, as with `run`. */
export function begin(args: readonly string[], env = { PATH: path } as NodeJS.ProcessEnv): Running {
  const number = (counter += 1);
  const files = ["stdout", "stderr"].map((name) => join(scratch, `${name}.parallel.${number}`));
  const [stdout, stderr] = files.map((file) => openSync(file, "a")) as [number, number];
  const child = spawn(runtime, [...args], {
    env,
    stdio: ["ignore", stdout, stderr],
  });
  closeSync(stdout);
  closeSync(stderr);
  const result = new Promise<Result>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status, signal) => {
      const [out, err] = files.map((file) => readFileSync(file, "utf8")) as [string, string];
      resolve({ status, signal, stdout: out, stderr: err });
    });
  });
  return { child, result, stdout: () => readFileSync(files[0]!, "utf8") };
}

/** Runs the commands at the same time. */
export function together(commands: readonly (readonly string[])[]): Promise<Result[]> {
  return Promise.all(commands.map((args) => begin(args).result));
}
