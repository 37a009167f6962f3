import { readFileSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import { updateContainer } from "../lifecycle/update.ts";
import { locateInResources, parseResources } from "../spec/resources-file.ts";
import type { Resources } from "../spec/types.ts";
import type { Invocation } from "./invocation.ts";
import { readInteger, readSize } from "./sizes.ts";

type Flags = Invocation<"update">["flags"];

/** tsrun update */
export function update({ args, flags, root, log }: Invocation<"update">): number {
  const source = flags.resources ? readSource(flags.resources) : undefined;
  const resources = source ? parseResources(source.text, source.file) : resourcesFrom(flags);
  try {
    updateContainer({
      root: root.path,
      id: args[0]!,
      resources,
      l3CacheSchema: flags["l3-cache-schema"],
      memBwSchema: flags["mem-bw-schema"],
      warn: log.warn,
    });
  } catch (error) {
    throw source ? locateInResources(error, source) : error;
  }
  return 0;
}

function readSource(name: string): { text: string; file: string } {
  try {
    return name === "-"
      ? { text: readFileSync(0, "utf8"), file: "standard input" }
      : { text: readFileSync(name, "utf8"), file: name };
  } catch (error) {
    throw new TsrunError("USAGE", `open ${name}: ${reasonOf(error)}`, {
      hint: "--resources names a file with linux.resources as JSON, or - for the standard input",
      cause: error,
    });
  }
}

/** What the flags say, as config.json would say it. */
export function resourcesFrom(flags: Omit<Flags, "resources">): Resources {
  const size = (name: keyof Flags & `${string}memory${string}`) => readSize(name, flags[name]);
  const count = (name: "cpu-period" | "cpu-burst" | "cpu-share" | "cpu-rt-period") =>
    readInteger(name, flags[name], "unsigned");
  const time = (name: "cpu-quota" | "cpu-rt-runtime" | "cpu-idle") =>
    readInteger(name, flags[name], "signed");
  return given({
    memory: given({
      limit: size("memory"),
      reservation: size("memory-reservation"),
      swap: size("memory-swap"),
      kernel: size("kernel-memory"),
      kernelTCP: size("kernel-memory-tcp"),
    }),
    cpu: given({
      shares: count("cpu-share"),
      quota: time("cpu-quota"),
      burst: count("cpu-burst"),
      period: count("cpu-period"),
      realtimeRuntime: time("cpu-rt-runtime"),
      realtimePeriod: count("cpu-rt-period"),
      cpus: flags["cpuset-cpus"] || undefined,
      mems: flags["cpuset-mems"] || undefined,
      idle: time("cpu-idle"),
    }),
    pids: given({ limit: flags["pids-limit"] }),
    blockIO: given({ weight: flags["blkio-weight"] || undefined }),
  });
}

/** The members that have a value. */
function given<T extends object>(members: T): T {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  ) as T;
}
