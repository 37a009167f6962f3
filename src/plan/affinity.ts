import type { Process } from "../spec/types.ts";
import { describe } from "./context.ts";
import { maskOfList } from "./number-list.ts";
import type { PlannedOp } from "./plan.ts";
import { syncPoint } from "./wire.ts";

/** The highest number of a CPU that Linux can be built for. */
const mostCpus = 8191;

/** Gives a process all CPUs of its cgroup, whatever the caller of tsrun was bound to. */
export function resetAffinity(): PlannedOp[] {
  const reset = { op: "cpu_affinity", cpus: new Uint8Array(0) } as const;
  const ops = describe("", "allow all CPUs of the cgroup", reset);
  return ops.map((op) => ({ ...op, optional: true }));
}

/** Whether a process runs on certain CPUs before it enters the container's cgroup, and so is not born in it. */
export function startsOutside({ execCPUAffinity }: Process): boolean {
  return Boolean(execCPUAffinity?.initial);
}

/** The CPUs of a process that joins a container, before and after it is in the container's cgroup. */
export function planExecAffinity({ execCPUAffinity = {} }: Process): PlannedOp[] {
  const { initial, final } = execCPUAffinity;
  if (!initial && !final) return resetAffinity();
  const enter = { op: "sync", point: syncPoint.cgroup } as const;
  return [
    ...(initial
      ? [
          ...planAffinity("initial", initial),
          ...describe("", "enter the container's cgroup", enter),
        ]
      : []),
    ...(final ? planAffinity("final", final) : []),
  ];
}

function planAffinity(when: "initial" | "final", list: string): PlannedOp[] {
  const origin = `/process/execCPUAffinity/${when}`;
  const cpus = maskOfList(list, { what: "CPU list", pointer: origin, most: mostCpus });
  return describe(origin, `run on CPUs ${list}`, { op: "cpu_affinity", cpus });
}
