import { TsrunError } from "../errors.ts";
import { type ContainerEvent, statsOfContainer, watchContainer } from "../lifecycle/events.ts";
import { stringifyJson } from "../spec/json.ts";
import type { Invocation } from "./invocation.ts";
import { print } from "./output.ts";

const usualIntervalMs = 5000;

/** tsrun events */
export function events({ args, flags, root, log }: Invocation<"events">): number {
  const named = { root: root.path, id: args[0]! };
  const intervalMs = flags.interval ?? usualIntervalMs;
  if (intervalMs <= 0) {
    throw new TsrunError("USAGE", "duration interval must be greater than 0", {
      hint: "--interval is a time such as 500ms, 5s or 1m",
    });
  }
  const emit = (event: ContainerEvent): void => print(`${stringifyJson(event)}\n`);
  if (flags.stats) emit(statsOfContainer(named));
  else watchContainer({ ...named, intervalMs, emit, reader: 1, warn: log.warn });
  return 0;
}
