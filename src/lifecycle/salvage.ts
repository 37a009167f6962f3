import { readFileSync } from "node:fs";

import { readLayout } from "../cgroup/layout.ts";
import { placeCgroup } from "../cgroup/path.ts";
import type { Spec } from "../spec/types.ts";

/** Where the cgroup of a container must be whose state.json is damaged: from the configuration that lies beside it. */
export function salvageCgroup(directory: string, id: string): string | undefined {
  try {
    const { linux } = JSON.parse(readFileSync(`${directory}/config.json`, "utf8")) as Spec;
    const layout = readLayout();
    return layout.mode === "none" ? undefined : placeCgroup(linux?.cgroupsPath, layout, id);
  } catch {
    return undefined; // that is damaged as well
  }
}
