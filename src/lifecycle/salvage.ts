import { readFileSync } from "node:fs";

import { readLayout } from "../cgroup/layout.ts";
import { placeCgroup } from "../cgroup/path.ts";
import { expandSlice, readUnitName } from "../cgroup/systemd/unit.ts";
import type { Spec } from "../spec/types.ts";
import type { ContainerCgroup } from "../state/state.ts";

const isUnitName = (path: string | undefined): path is string =>
  /^[^/:]*:[^/:]*:[^/:]+$/.test(path ?? "");

/** The scope that systemd made for it. */
function scopeOf(path: string, id: string, mountpoint: string): ContainerCgroup {
  const { unit, slice } = readUnitName(path, { id, user: false });
  const place = `${mountpoint}${expandSlice(slice)}/${unit}`;
  return { path: place, driver: "systemd", unit, instance: "system" };
}

/** Where the cgroup of a container must be whose state.json is damaged: from the configuration that lies beside it. */
export function salvageCgroup(directory: string, id: string): ContainerCgroup | undefined {
  try {
    const { linux } = JSON.parse(readFileSync(`${directory}/config.json`, "utf8")) as Spec;
    const layout = readLayout();
    if (layout.mode === "none") return undefined;
    const path = linux?.cgroupsPath;
    if (isUnitName(path)) return scopeOf(path, id, layout.mountpoint);
    return { path: placeCgroup(path, layout, id), driver: "cgroupfs" };
  } catch {
    return undefined; // that is damaged as well
  }
}
