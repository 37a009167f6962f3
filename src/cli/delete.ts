import { deleteContainer } from "../lifecycle/delete.ts";
import type { Invocation } from "./invocation.ts";

/** tsrun delete */
export function deleteCommand({ args, flags, root, log }: Invocation<"delete">): number {
  deleteContainer({ root: root.path, id: args[0]!, force: flags.force, warn: log.warn });
  return 0;
}
