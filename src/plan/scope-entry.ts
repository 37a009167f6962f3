import { type CreatePlanOptions, describe } from "./context.ts";
import type { PlannedOp } from "./plan.ts";
import { syncPoint } from "./wire.ts";

/** The wait for a scope of systemd: before anything else, so that all that init uses counts for the container, and its cgroup namespace starts there. */
export function planScopeEntry({
  entersScope,
}: Pick<CreatePlanOptions, "entersScope">): PlannedOp[] {
  if (!entersScope) return [];
  const sync = { op: "sync", point: syncPoint.cgroup } as const;
  return describe("/linux/cgroupsPath", "wait for the cgroup", sync);
}
