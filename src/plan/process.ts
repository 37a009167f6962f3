import { IOPRIO_CLASS_SHIFT } from "../linux.ts";
import {
  ioClasses,
  memoryPolicyFlags,
  memoryPolicyModes,
  personalityDomains,
  rlimits as rlimitNumbers,
  schedulerFlags,
  schedulerPolicies,
} from "../spec/tables.ts";
import type { Linux, Process, Scheduler } from "../spec/types.ts";
import { TsrunError } from "../errors.ts";
import { describe, type Warning } from "./context.ts";
import { maskOfList } from "./number-list.ts";
import type { HostSteps, PlannedOp } from "./plan.ts";

/** oom_score_adj, while init may still lower it. */
export function planOomScore({ oomScoreAdj }: Process): PlannedOp[] {
  if (oomScoreAdj === undefined) return [];
  const write = {
    op: "write_proc_self",
    file: "oom_score_adj",
    text: String(oomScoreAdj),
  } as const;
  return describe("/process/oomScoreAdj", `set oom_score_adj ${oomScoreAdj}`, write);
}

/** Personality, scheduler, I/O priority and memory policy: what a process hands on over exec. */
export function planScheduling(
  process: Process,
  linux: Linux | undefined,
  warnings: Warning[],
): PlannedOp[] {
  return [
    ...planPersonality(linux, warnings),
    ...planScheduler(process.scheduler),
    ...planIoPriority(process.ioPriority),
    ...planMemoryPolicy(linux?.memoryPolicy),
  ];
}

/** The limits that the runtime sets on init; of a type that is named twice the last one counts. */
export function planRlimits({ rlimits = [] }: Process): HostSteps["rlimits"] {
  const byNumber = new Map<number, HostSteps["rlimits"][number]>();
  for (const [index, { type, soft, hard }] of rlimits.entries()) {
    const origin = `/process/rlimits/${index}`;
    const resource = lookUp(rlimitNumbers, type, `${origin}/type`);
    byNumber.set(resource, {
      resource,
      name: type,
      soft: BigInt(soft),
      hard: BigInt(hard),
      origin,
    });
  }
  return [...byNumber.values()];
}

function planPersonality(linux: Linux | undefined, warnings: Warning[]): PlannedOp[] {
  const personality = linux?.personality;
  if (personality === undefined) return [];
  if (personality.flags?.length) {
    const message = `ignoring personality flags: ${personality.flags.join(" ")}`;
    warnings.push({ message, origin: "/linux/personality/flags" });
  }
  const persona = lookUp(personalityDomains, personality.domain, "/linux/personality/domain");
  const what = `set personality ${personality.domain}`;
  return describe("/linux/personality", what, { op: "personality", persona });
}

function planScheduler(scheduler: Scheduler | undefined): PlannedOp[] {
  if (scheduler === undefined) return [];
  const origin = "/process/scheduler";
  const policy = lookUp(schedulerPolicies, scheduler.policy, `${origin}/policy`);
  let flags = 0;
  for (const [index, flag] of (scheduler.flags ?? []).entries()) {
    flags |= lookUp(schedulerFlags, flag, `${origin}/flags/${index}`);
  }
  // struct sched_attr in its first version, of 48 bytes.
  const attr = new DataView(new ArrayBuffer(48));
  attr.setUint32(0, 48, true);
  attr.setUint32(4, policy, true);
  attr.setBigUint64(8, BigInt(flags), true);
  attr.setInt32(16, scheduler.nice ?? 0, true);
  attr.setInt32(20, scheduler.priority ?? 0, true);
  attr.setBigUint64(24, BigInt(scheduler.runtime ?? 0), true);
  attr.setBigUint64(32, BigInt(scheduler.deadline ?? 0), true);
  attr.setBigUint64(40, BigInt(scheduler.period ?? 0), true);
  const blob = new Uint8Array(attr.buffer);
  return describe(origin, `set scheduler ${scheduler.policy}`, { op: "scheduler", attr: blob });
}

function planIoPriority(ioPriority: Process["ioPriority"]): PlannedOp[] {
  if (ioPriority === undefined) return [];
  const priority = ioPriority.priority ?? 0;
  const number = lookUp(ioClasses, ioPriority.class, "/process/ioPriority/class");
  const value = (number << IOPRIO_CLASS_SHIFT) | priority;
  const what = `set io priority ${ioPriority.class} ${priority}`;
  return describe("/process/ioPriority", what, { op: "io_priority", value });
}

function planMemoryPolicy(policy: Linux["memoryPolicy"]): PlannedOp[] {
  if (policy === undefined) return [];
  const origin = "/linux/memoryPolicy";
  let mode = lookUp(memoryPolicyModes, policy.mode, `${origin}/mode`);
  for (const [index, flag] of (policy.flags ?? []).entries()) {
    mode |= lookUp(memoryPolicyFlags, flag, `${origin}/flags/${index}`);
  }
  const nodes = maskOfList(policy.nodes ?? "", {
    what: "memory policy node list",
    pointer: `${origin}/nodes`,
    most: 1023,
  });
  // The kernel takes maxnode as one more than the number of bits it reads.
  const maxNode = nodes.length === 0 ? 0 : nodes.length * 8 + 1;
  const what = `set memory policy ${policy.mode}`;
  return describe(origin, what, { op: "memory_policy", mode, nodes, maxNode });
}

function lookUp(table: Readonly<Record<string, number>>, name: string, pointer: string): number {
  const value = Object.hasOwn(table, name) ? table[name] : undefined;
  if (value === undefined) {
    throw new TsrunError("CONFIG_INVALID", `unknown value ${JSON.stringify(name)}`, {
      pointer,
      hint: `one of ${Object.keys(table).join(", ")}`,
    });
  }
  return value;
}
