import { readFileSync } from "node:fs";

import { readLayout } from "../cgroup/layout.ts";
import { placeCgroup } from "../cgroup/path.ts";
import { expandSlice, readUnitName } from "../cgroup/systemd/unit.ts";
import type { Spec } from "../spec/types.ts";

const isUnitName = (path: string | undefined): path is string =>
  /^[^/:]*:[^/:]*:[^/:]+$/.test(path ?? "");

/** The scope that systemd made, which goes when nothing is left in it. */
function scopeOf(path: string, id: string): string {
  const { unit, slice } = readUnitName(path, { id, user: false });
  return `${expandSlice(slice)}/${unit}`;
}

/** Where the cgroup of a container must be whose state.json is damaged: from the configuration that lies beside it. */
export function salvageCgroup(directory: string, id: string): string | undefined {
  try {
    const { linux } = JSON.parse(readFileSync(`${directory}/config.json`, "utf8")) as Spec;
    const layout = readLayout();
    if (layout.mode === "none") return undefined;
    const path = linux?.cgroupsPath;
    return isUnitName(path) ? layout.mountpoint + scopeOf(path, id) : placeCgroup(path, layout, id);
  } catch {
    return undefined; // that is damaged as well
  }
}
