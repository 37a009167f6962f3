import { createContainer } from "../lifecycle/create.ts";
import { creationOptions } from "./creation.ts";
import type { Invocation } from "./invocation.ts";

/** tsrun create */
export function create(invocation: Invocation<"create">): number {
  createContainer(creationOptions(invocation));
  return 0;
}
