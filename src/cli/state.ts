import { type ContainerView, readContainer } from "../lifecycle/state.ts";
import type { Invocation } from "./invocation.ts";
import { print } from "./output.ts";

/** tsrun state */
export function state({ args, root }: Invocation<"state">): number {
  print(formatState(readContainer({ root: root.path, id: args[0]! })));
  return 0;
}

/** runc ends it without a newline. */
export function formatState(view: ContainerView): string {
  return JSON.stringify(view, null, 2);
}
