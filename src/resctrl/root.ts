import { existsSync, readFileSync } from "node:fs";

import { mountpointOf } from "../cgroup/layout.ts";

/** Where resctrl is mounted on this host; undefined when it is not. */
export function findResctrl(): string | undefined {
  return mountpointOf("resctrl", readFileSync("/proc/self/mountinfo", "utf8"));
}

/** Whether the hardware shares out the L3 cache, or memory bandwidth, by classes. */
export function controls(root: string, resource: "L3" | "MB"): boolean {
  return existsSync(`${root}/info/${resource}`);
}
