import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { configTarget } from "./config-target.ts";
import type { Target } from "./loop.ts";
import { mountsTarget } from "./mounts-target.ts";

/** What is fuzzed in this process. */
export const targets = {
  config: withCorpus("config", configTarget),
  mounts: withCorpus("mounts", mountsTarget),
};
export const targetNames = ["config", "mounts"] as const;

/** Its seeds and what is committed: what was found once, and inputs that reach what seeds do not. */
function withCorpus(name: string, target: Target): Target {
  const directory = join(import.meta.dirname, "corpus", name);
  const texts = readdirSync(directory).map((file) => readFileSync(join(directory, file), "utf8"));
  return { ...target, seeds: [...target.seeds, ...texts] };
}
