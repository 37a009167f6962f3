// The library: what a program can do with tsrun without its command line. Everything is synchronous.
import { existsSync } from "node:fs";
import { join } from "node:path";

export { planCgroup, type CgroupPlan, type PlanCgroupOptions } from "./cgroup/plan.ts";
export { renderFindings } from "./cli/findings.ts";
export { TsrunError, type ErrorCode, type Position } from "./errors.ts";
export type { HostFacts } from "./host/facts.ts";
export { readHostFacts } from "./host/read.ts";
export { createContainer, type CreateOptions } from "./lifecycle/create.ts";
export { execInContainer, type ExecOptions } from "./lifecycle/exec.ts";
export { deleteContainer, type DeleteOptions } from "./lifecycle/delete.ts";
export {
  statsOfContainer,
  watchContainer,
  type ContainerEvent,
  type WatchOptions,
} from "./lifecycle/events.ts";
export { killContainer, type KillOptions } from "./lifecycle/kill.ts";
export { listContainers, type Listing } from "./lifecycle/list.ts";
export { pauseContainer, resumeContainer } from "./lifecycle/pause.ts";
export { listProcesses } from "./lifecycle/processes.ts";
export { runContainer, type RunOptions } from "./lifecycle/run.ts";
export { startContainer } from "./lifecycle/start.ts";
export { readContainer, type ContainerView } from "./lifecycle/state.ts";
export { updateContainer, type UpdateOptions } from "./lifecycle/update.ts";
export { planCreate, type CreatePlanOptions } from "./plan/create.ts";
export { explainPlan, renderSteps, type Step } from "./plan/explain.ts";
export type { Plan, PlannedOp } from "./plan/plan.ts";
export { compileSeccomp, type CompiledSeccomp } from "./seccomp/compile.ts";
export { checkConfig } from "./spec/check.ts";
export { defaultSpec } from "./spec/default.ts";
export { issuesToJson, type Issue } from "./spec/issue.ts";
export { loadSpec, type LoadedSpec } from "./spec/load.ts";
export { positionOf } from "./spec/positions.ts";
export type * from "./spec/types.ts";
export { specVersion, version } from "./version.ts";

// In the npm package native/ lies beside index.js, in the sources build/ one up.
const shipped = join(import.meta.dirname, "native");
globalThis.tsrunNativeDirectory ??= existsSync(shipped)
  ? shipped
  : join(import.meta.dirname, "../build/Release");
