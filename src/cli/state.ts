import { formatView, readContainer } from "../lifecycle/state.ts";
import type { Invocation } from "./invocation.ts";
import { print } from "./output.ts";

/** tsrun state */
export function state({ args, root }: Invocation<"state">): number {
  print(formatView(readContainer({ root: root.path, id: args[0]! })));
  return 0;
}
