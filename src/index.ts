// The library: what a program can do with tsrun without its command line.
import { locateNative } from "./library/native-place.ts";
import { openRuntime } from "./library/runtime.ts";
import type { Runtime as RuntimeObject } from "./library/types.ts";

/** `Runtime.open()` gives access to the containers below a state directory. */
export const Runtime = { open: openRuntime } as const;
export type Runtime = RuntimeObject;

export type { CgroupPlan } from "./cgroup/plan.ts";
export type { Stats } from "./cgroup/stats.ts";
export { TsrunError, type ErrorCode, type Position } from "./errors.ts";
export type { HostFacts } from "./host/facts.ts";
export { openConsoleSocket, openPidfdSocket } from "./library/sockets.ts";
export {
  defaultSpec,
  explain,
  modernHost,
  parseSpec,
  plan,
  readHost,
  renderSteps,
  validate,
  type Configuration,
  type Naming,
  type PlanOptions,
} from "./library/specification.ts";
export type * from "./library/types.ts";
export type { Step } from "./plan/explain.ts";
export type { Plan, PlannedOp } from "./plan/plan.ts";
export type { Issue } from "./spec/issue.ts";
export type * from "./spec/types.ts";
export { specVersion, version } from "./version.ts";

locateNative();
