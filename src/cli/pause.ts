import { pauseContainer } from "../lifecycle/pause.ts";
import type { Invocation } from "./invocation.ts";

/** tsrun pause */
export function pause({ args, root }: Invocation<"pause">): number {
  pauseContainer({ root: root.path, id: args[0]! });
  return 0;
}
