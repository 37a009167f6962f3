import { resumeContainer } from "../lifecycle/pause.ts";
import type { Invocation } from "./invocation.ts";

/** tsrun resume */
export function resume({ args, root }: Invocation<"resume">): number {
  resumeContainer({ root: root.path, id: args[0]! });
  return 0;
}
