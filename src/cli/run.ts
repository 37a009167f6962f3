import { runContainer } from "../lifecycle/run.ts";
import { creationOptions } from "./creation.ts";
import type { Invocation } from "./invocation.ts";

/** tsrun run */
export function run(invocation: Invocation<"run">): number {
  const { detach, keep, "no-subreaper": noSubreaper } = invocation.flags;
  return runContainer({ ...creationOptions(invocation), detach, keep, noSubreaper });
}
