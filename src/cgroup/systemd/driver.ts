import { posix } from "node:path";
import { readCgroupFile, writeCgroupFile } from "../files.ts";
import { cgroupOfProcess } from "../layout.ts";
import type { CgroupPlan } from "../plan.ts";
import type { CgroupWrite } from "../resources.ts";
import type { Instance } from "./connection.ts";
import { attachToUnit, readSystemd, setUnitProperties, startScope, stopUnit } from "./manager.ts";
import { infinity, propertiesOfWrites, type UnitProperty, writesBesideUnit } from "./properties.ts";

/** The scope of a container, as its state has it. */
export type Scope = { readonly path: string; readonly unit: string; readonly instance: Instance };

/** Has systemd start the container's scope with a process in it; returns the directory of its cgroup. */
export function enterScope(plan: CgroupPlan, pid: number): string {
  const { instance, unit, properties } = plan.scope!;
  startScope(instance, unit, [...properties, ["PIDs", "au", [pid]]]);
  // What the kernel says, not what was planned: a property may name another slice.
  return cgroupOfProcess(pid);
}

/** Stops the scope of a container that has ended. */
export function leaveScope(
  { unit, instance }: Omit<Scope, "path">,
  warn: (message: string) => void,
): void {
  try {
    stopUnit(instance, unit);
  } catch (error) {
    // systemd lets go of a scope also when its cgroup is empty: nothing is left but what this says.
    warn(`unit ${unit} was not stopped: ${(error as Error).message}`);
  }
}

/** Brings a process into a scope, or into the cgroup of that path below it. */
export function attachProcess({ unit, instance }: Omit<Scope, "path">, below: string, pid: number) {
  const path = below === "" ? "" : posix.join("/", below);
  attachToUnit(instance, { unit, path, pid });
}

export type ScopeUpdate = ReturnType<typeof writesBesideUnit> & {
  /** Tells systemd of values, so that it does not put others into the files at the next occasion. */
  readonly tell: (values: readonly CgroupWrite[]) => void;
};

/** What an update of a container in a scope is made of. */
export function planScopeUpdate(scope: Scope, writes: readonly CgroupWrite[]): ScopeUpdate {
  const { version } = readSystemd(scope.instance);
  return {
    ...writesBesideUnit(writes, version),
    tell: (values) => tell(scope, values, version),
  };
}

function tell({ path, unit, instance }: Scope, values: readonly CgroupWrite[], version: number) {
  const properties = [...wakeUp(path, values), ...propertiesOfWrites(values, version)];
  if (properties.length === 0) return;
  const file = `${path}/cpu.max.burst`;
  const burst = readCgroupFile(file);
  setUnitProperties(instance, unit, properties);
  // systemd does not know the burst, and clears it with each quota that it sets.
  if (burst !== undefined && readCgroupFile(file) !== burst) writeCgroupFile(file, burst.trim());
}

/** An idle cgroup is one of weight 0 to systemd: to be idle no more is to have another weight. */
function wakeUp(path: string, values: readonly CgroupWrite[]): UnitProperty[] {
  const wanted = values.findLast(({ file }) => file === "cpu.idle")?.value;
  const wakes = wanted === "0" && readCgroupFile(`${path}/cpu.idle`)?.trim() === "1";
  return wakes ? [["CPUWeight", "t", infinity]] : [];
}
