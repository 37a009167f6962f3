import { killContainer } from "../lifecycle/kill.ts";
import type { Invocation } from "./invocation.ts";

/** tsrun kill */
export function kill({ args, flags, root }: Invocation<"kill">): number {
  const [id, signal = "SIGTERM"] = args;
  killContainer({ root: root.path, id: id!, signal, all: flags.all });
  return 0;
}
