import { deleteContainer } from "../lifecycle/delete.ts";
import type { Invocation } from "./invocation.ts";
import { forEachMatching } from "./matching.ts";

/** tsrun delete */
export function deleteCommand({ args, flags, root, log }: Invocation<"delete">): number {
  const remove = (id: string): void =>
    deleteContainer({ root: root.path, id, force: flags.force, warn: log.warn });
  if (flags.regex) forEachMatching({ root: root.path, pattern: args[0]! }, remove);
  else remove(args[0]!);
  return 0;
}
