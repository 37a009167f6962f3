import { cgroupOfProcess } from "../layout.ts";
import type { CgroupPlan } from "../plan.ts";
import type { Instance } from "./connection.ts";
import { startScope, stopUnit } from "./manager.ts";

/** Has systemd start the container's scope with a process in it; returns the directory of its cgroup. */
export function enterScope(plan: CgroupPlan, pid: number): string {
  const { instance, unit, properties } = plan.scope!;
  startScope(instance, unit, [...properties, ["PIDs", "au", [pid]]]);
  // What the kernel says, not what was planned: a property may name another slice.
  return cgroupOfProcess(pid);
}

/** Stops the scope of a container that has ended. */
export function leaveScope(
  { unit, instance }: { readonly unit: string; readonly instance: Instance },
  warn: (message: string) => void,
): void {
  try {
    stopUnit(instance, unit);
  } catch (error) {
    // systemd lets go of a scope also when its cgroup is empty: nothing is left but what this says.
    warn(`unit ${unit} was not stopped: ${(error as Error).message}`);
  }
}
