import { killContainer, parseSignal } from "../lifecycle/kill.ts";
import type { Invocation } from "./invocation.ts";
import { forEachMatching } from "./matching.ts";

/** tsrun kill */
export function kill({ args, flags, root }: Invocation<"kill">): number {
  const [name, signal = "SIGTERM"] = args;
  const send = (id: string): void => killContainer({ root: root.path, id, signal, all: flags.all });
  if (!flags.regex) send(name!);
  else {
    parseSignal(signal); // a wrong one is no matter of any container
    forEachMatching({ root: root.path, pattern: name! }, send);
  }
  return 0;
}
