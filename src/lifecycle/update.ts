import { closeSync, openSync, readFileSync } from "node:fs";

import { planUpdate, type PlannedUpdate } from "../cgroup/change.ts";
import { enableControllers } from "../cgroup/controllers.ts";
import { attachDevices } from "../cgroup/driver.ts";
import { readCgroupFile } from "../cgroup/files.ts";
import { readLayout } from "../cgroup/layout.ts";
import {
  planDevices,
  refuseMissingControllers,
  writesToMake,
  controllersOf,
} from "../cgroup/plan.ts";
import type { CgroupWarning, CgroupWrite } from "../cgroup/resources.ts";
import { planScopeUpdate } from "../cgroup/systemd/driver.ts";
import { updateCgroup } from "../cgroup/update.ts";
import { TsrunError } from "../errors.ts";
import { O_PATH } from "../linux.ts";
import { writeSchemata } from "../resctrl/group.ts";
import { asWrite } from "../resctrl/plan.ts";
import { controls, findResctrl } from "../resctrl/root.ts";
import { parseJson } from "../spec/json.ts";
import { normalize } from "../spec/normalize.ts";
import type { Resources, Spec } from "../spec/types.ts";
import type { State } from "../state/state.ts";
import { readResources, writeResources } from "../state/store.ts";
import { cgroupOf } from "./cgroup.ts";
import { changeLocked } from "./change.ts";
import { statusOf } from "./status.ts";

export type UpdateOptions = {
  readonly root: string;
  readonly id: string;
  /** What is to change; what it does not name stays as it is. */
  readonly resources: Resources;
  readonly l3CacheSchema?: string;
  readonly memBwSchema?: string;
  readonly warn: (message: string) => void;
};

/** Changes the limits of a container, all or none. */
export function updateContainer(options: UpdateOptions): void {
  changeLocked(options, (state, directory) => {
    if (statusOf(state, directory) === "stopped") {
      throw new TsrunError("CONTAINER_STATUS", "container not running");
    }
    refuseRdt(options, state);
    const cgroup = cgroupOf(state, "update");
    const spec = readSpec(directory);
    const planned = planUpdate(options.resources, {
      saved: readResources(directory) ?? spec.linux?.resources ?? {},
      read: (file) => readCgroupFile(`${cgroup.path}/${file}`),
    });
    const prepared = preparedWrites(cgroup.path, planned.writes);
    const told = cgroup.driver === "systemd" ? planScopeUpdate(cgroup, prepared) : undefined;
    updateCgroup(cgroup, {
      writes: told?.writes ?? prepared,
      tell: told?.tell,
      finish: () =>
        changeSchemata(state, options, () => {
          if (planned.devicesChange) replaceDevices(state, spec, planned);
          writeResources(directory, planned.resources);
        }),
    });
    report([...planned.warnings, ...(told?.warnings ?? [])], options.warn);
  });
}

function refuseRdt({ l3CacheSchema, memBwSchema }: UpdateOptions, { resctrl }: State): void {
  if (!l3CacheSchema && !memBwSchema) return;
  const root = resctrl?.root ?? findResctrl();
  const has = (resource: "L3" | "MB"): boolean => root !== undefined && controls(root, resource);
  if (l3CacheSchema && !has("L3"))
    throw rdtRefusal("Intel RDT/CAT: l3 cache schema is not enabled");
  if (memBwSchema && !has("MB"))
    throw rdtRefusal("Intel RDT/MBA: memory bandwidth schema is not enabled");
  if (resctrl === undefined)
    throw rdtRefusal("updating a non-existent Intel RDT configuration is not supported");
}

/** Writes the schemas that are asked for; when `rest` fails, those of before are put back. */
function changeSchemata(
  { resctrl }: State,
  { l3CacheSchema, memBwSchema }: UpdateOptions,
  rest: () => void,
): void {
  const writes = [
    ...asWrite(l3CacheSchema, "l3CacheSchema"),
    ...asWrite(memBwSchema, "memBwSchema"),
  ];
  if (resctrl === undefined || writes.length === 0) return rest();
  const text = readFileSync(`${resctrl.path}/schemata`, "utf8");
  try {
    writes.forEach((write) => writeSchemata(resctrl, write));
    rest();
  } catch (error) {
    writeSchemata(resctrl, { text, pointer: "" });
    throw error;
  }
}

function rdtRefusal(message: string): TsrunError {
  return new TsrunError("CONFIG_UNSUPPORTED", message, {
    hint: "leave --l3-cache-schema and --mem-bw-schema out; nothing was changed",
  });
}

function readSpec(directory: string): Spec {
  const text = readFileSync(`${directory}/config.json`, "utf8");
  return normalize(parseJson(text), text) as Spec;
}

/** The writes that can be made here, with the controllers for them in the container's cgroup. */
function preparedWrites(path: string, writes: readonly CgroupWrite[]): CgroupWrite[] {
  if (writes.length === 0) return [];
  const layout = readLayout();
  const needed = writesToMake(writes, layout);
  refuseMissingControllers(needed, layout);
  const controllers = controllersOf(needed);
  const present = (readCgroupFile(`${path}/cgroup.controllers`) ?? "").trim().split(" ");
  if (controllers.some((name) => !present.includes(name))) {
    const { mountpoint } = layout;
    enableControllers({ mountpoint, path, controllers, available: controllers, writes: needed });
  }
  return needed;
}

function replaceDevices(state: State, spec: Spec, { resources }: PlannedUpdate): void {
  const { path } = cgroupOf(state, "update");
  const devices = planDevices({ ...spec.linux, resources });
  const fd = openSync(path, O_PATH);
  try {
    attachDevices({ fd, path }, { devices, rootless: state.rootless });
  } finally {
    closeSync(fd);
  }
}

function report(warnings: readonly CgroupWarning[], warn: (message: string) => void): void {
  const isKernel = ({ origin }: { origin: string }): boolean => /\/memory\/kernel/.test(origin);
  if (warnings.some(isKernel)) warn("Kernel memory settings are ignored and will be removed");
  warnings.filter((warning) => !isKernel(warning)).forEach(({ message }) => warn(message));
}
