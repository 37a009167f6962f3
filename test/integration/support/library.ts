// For tests of the library: a Runtime of this file, and configurations of the same kind that the command line's tests have.
import { readdirSync, readFileSync } from "node:fs";
import type { Test } from "tap";
import { Runtime, TsrunError } from "../../../src/index.ts";
import { type Config, type Container, prepare, root } from "./container.ts";

export const runtime = Runtime.open({ root });

/** A bundle, and an id of a container that is removed at the end of the test whatever became of it. */
export function bundleFor(
  t: Test,
  args: readonly string[],
  edit: (config: Config) => void = () => {},
): Container {
  const c = prepare(t);
  c.configure((config) => {
    config.process.args = [...args];
    config.linux.cgroupsPath = `/tests/${c.id}`;
    edit(config);
  });
  return c;
}

/** What it was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<TsrunError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TsrunError) return error;
    throw error;
  }
  throw new Error("it was not rejected");
}

/** Descriptors that this process has open, by what they are. */
export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Children of this process that nobody has reaped. */
export function zombies(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [state, parent] = readFileSync(`/proc/${pid}/stat`, "utf8")
          .split(") ")
          .at(-1)!
          .split(" ");
        return state === "Z" && Number(parent) === process.pid;
      } catch {
        return false;
      }
    });
}
