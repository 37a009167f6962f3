import { ioClasses, rlimits, schedulerFlags, schedulerPolicies } from "../tables.ts";
import type { Capabilities, Process, Scheduler } from "../types.ts";
import { type Field, list, object } from "./blocks.ts";
import { bool, int, int32, oneOf, text, texts, uint, uint32, uint32s, uint64 } from "./leaves.ts";

type Part<K extends keyof Process> = NonNullable<Process[K]>;

const user = object<Part<"user">>({
  uid: uint32,
  gid: uint32,
  umask: uint32,
  additionalGids: uint32s,
  username: text,
});

// Names that no kernel has are a warning, by a rule.
const capabilities = object<Capabilities>({
  bounding: texts,
  effective: texts,
  inheritable: texts,
  permitted: texts,
  ambient: texts,
});

const rlimit = object<Part<"rlimits">[number]>(
  { type: oneOf(rlimits), soft: uint64, hard: uint64 },
  ["type", "soft", "hard"],
);

const scheduler = object<Scheduler>(
  {
    policy: oneOf(schedulerPolicies),
    nice: int32,
    priority: int32,
    flags: list(oneOf(schedulerFlags)),
    runtime: uint64,
    deadline: uint64,
    period: uint64,
  },
  ["policy"],
);

/** config.md, Process. cwd and args are required by rules, in the words that callers know. */
export const process: Field<Process> = object<Process>({
  terminal: bool,
  consoleSize: object<Part<"consoleSize">>({ height: uint, width: uint }, ["height", "width"]),
  user,
  args: texts,
  commandLine: text,
  env: texts,
  cwd: text,
  capabilities,
  rlimits: list(rlimit),
  noNewPrivileges: bool,
  apparmorProfile: text,
  oomScoreAdj: int,
  selinuxLabel: text,
  scheduler,
  ioPriority: object<Part<"ioPriority">>({ class: oneOf(ioClasses), priority: int }, ["class"]),
  execCPUAffinity: object<Part<"execCPUAffinity">>({ initial: text, final: text }),
});
