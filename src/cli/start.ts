import { startContainer } from "../lifecycle/start.ts";
import type { Invocation } from "./invocation.ts";

/** tsrun start */
export function start({ args, root }: Invocation<"start">): number {
  startContainer({ root: root.path, id: args[0]! });
  return 0;
}
