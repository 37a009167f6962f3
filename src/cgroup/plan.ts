import { TsrunError } from "../errors.ts";
import type { Linux } from "../spec/types.ts";
import {
  allowsEverything,
  compileDeviceProgram,
  type DevicePolicy,
  simplifyRules,
} from "./device-program.ts";
import { listDeviceRules } from "./devices.ts";
import type { CgroupLayout } from "./layout.ts";
import { placeCgroup } from "./path.ts";
import { writesBesideUnit } from "./systemd/properties.ts";
import { planScope, type ScopePlan, type SystemdOptions } from "./systemd/scope.ts";
import { type CgroupWarning, type CgroupWrite, convertResources } from "./resources.ts";

/** The container's cgroup, as it will be: all that the driver needs. */
export type CgroupPlan = {
  /** Absolute directory under the mount point of the v2 tree. */
  readonly path: string;
  readonly mountpoint: string;
  /** Controllers that `writes` need; they are enabled on the way down, or it is an error. */
  readonly controllers: readonly string[];
  /** Controllers to enable where possible: statistics and later updates need them. */
  readonly available: readonly string[];
  readonly writes: readonly CgroupWrite[];
  /** null: everything is allowed, no program is needed. */
  readonly devices: { readonly program: Uint8Array; readonly rules: DevicePolicy } | null;
  /** Host uid that gets the cgroup for its own use (see owner.ts). */
  readonly owner: number | null;
  /** A device program that cannot be loaded for want of rights is left out. */
  readonly rootless: boolean;
  readonly warnings: readonly CgroupWarning[];
  /** The systemd unit that brings the cgroup with it; absent when tsrun makes the cgroup itself. */
  readonly scope?: ScopePlan;
};

export type PlanCgroupOptions = {
  readonly id: string;
  readonly rootless: boolean;
  /** The systemd driver is asked for: what plans need to know of it. null: tsrun makes the cgroup. */
  readonly systemd: SystemdOptions | null;
  /** Host uid to delegate the cgroup to: cgroupOwner(spec). */
  readonly owner?: number | null;
};

/** Plans the container's cgroup; null when there is none, which only a rootless container without limits may have. */
export function planCgroup(
  linux: Linux | undefined,
  layout: CgroupLayout,
  options: PlanCgroupOptions,
): CgroupPlan | null {
  const { id, rootless, systemd } = options;
  const { writes, warnings } = convertResources(linux?.resources);
  const needed = writesToMake(writes, layout);
  if (
    systemd === null &&
    rootless &&
    (layout.mode === "none" || layout.writable === false) &&
    !linux?.cgroupsPath
  ) {
    if (needed.length > 0) throw noRights(needed[0]!);
    return null;
  }
  if (layout.mode === "none") throw noTree();
  refuseMissingControllers(needed, layout);
  const common = {
    mountpoint: layout.mountpoint,
    controllers: controllersOf(needed),
    available: layout.controllers,
    devices: devicesIfNeeded(linux),
    owner: options.owner ?? null,
    rootless,
  };
  if (systemd === null) {
    const path = placeCgroup(linux?.cgroupsPath, layout, id);
    return { ...common, path, writes: needed, warnings };
  }
  const rules = listDeviceRules(linux);
  const scope = planScope(linux?.cgroupsPath, { id, systemd, writes: needed, rules });
  const beside = writesBesideUnit(needed, systemd.version);
  return {
    ...common,
    path: layout.mountpoint + scope.controlGroup,
    writes: beside.writes,
    warnings: [...warnings, ...beside.warnings],
    scope,
  };
}

/** Sees to it that a container without a cgroup of its own has nothing that only a cgroup could give. */
export function doWithoutCgroup(linux: Linux | undefined, warn: (message: string) => void): null {
  const [limit] = convertResources(linux?.resources).writes.filter(
    ({ value }) => !liftsLimit.test(value),
  );
  if (limit !== undefined) {
    throw new TsrunError(
      "CGROUP",
      `${fieldName(limit.origin)} can't be set: cgroups are disabled`,
      {
        pointer: limit.origin,
        hint: "leave --cgroup-manager disabled out, or the limit",
      },
    );
  }
  if (linux?.resources?.devices?.length && devicesIfNeeded(linux) !== null) {
    warn("linux.resources.devices has no effect: cgroups are disabled");
  }
  return null;
}

type Devices = NonNullable<CgroupPlan["devices"]>;

/** The device program of a container. */
export function planDevices(linux: Linux | undefined): Devices {
  const rules = simplifyRules(listDeviceRules(linux));
  return { program: compileDeviceProgram(rules), rules };
}

function devicesIfNeeded(linux: Linux | undefined): Devices | null {
  const devices = planDevices(linux);
  return allowsEverything(devices.rules) ? null : devices;
}

/** The controller of a file, by its prefix; "cgroup" stands for the core and is always there. */
export function controllerOf(file: string): string {
  return file.slice(0, file.indexOf("."));
}

/** The controllers that writes need. */
export function controllersOf(writes: readonly CgroupWrite[]): string[] {
  return [...new Set(writes.map(({ file }) => controllerOf(file)))].filter(
    (name) => name !== "cgroup",
  );
}

/** As of memory.max, cpu.max and io.max. */
const liftsLimit = /^(\d+:\d+ \w+=)?max( \d+)?$/;

/** Lifting a limit that nothing here could set is done by doing nothing. */
export function writesToMake(writes: readonly CgroupWrite[], layout: CgroupLayout): CgroupWrite[] {
  return writes.filter(
    ({ file, value, origin }) =>
      !liftsLimit.test(value) ||
      origin.includes("/unified/") ||
      layout.controllers.includes(controllerOf(file)),
  );
}

/** Refuses writes for which this host has no controller on v2. */
export function refuseMissingControllers(
  writes: readonly CgroupWrite[],
  layout: CgroupLayout,
): void {
  const missing = writes.filter(
    ({ file }) =>
      controllerOf(file) !== "cgroup" && !layout.controllers.includes(controllerOf(file)),
  );
  if (missing.length === 0) return;
  const [first] = missing as [CgroupWrite];
  const controller = controllerOf(first.file);
  const v1Name = controller === "io" ? "blkio" : controller;
  const onV1 = layout.v1Controllers.includes(v1Name);
  const names = [...new Set(missing.map(({ origin }) => fieldName(origin)))];
  const where = onV1 ? "is on a cgroup v1 hierarchy" : "is not in the kernel, or is disabled,";
  const more = names.length > 1 ? `; the same goes for ${names.slice(1).join(", ")}` : "";
  throw new TsrunError(
    "CGROUP",
    `${fieldName(first.origin)} can't be set: controller ${JSON.stringify(controller)} not available: it ${where} on this host${more}`,
    {
      pointer: first.origin,
      hint: onV1
        ? `tsrun sets limits through cgroup v2 alone: boot with systemd.unified_cgroup_hierarchy=1 or cgroup_no_v1=${v1Name}, or leave the limit out`
        : `controllers here: ${layout.controllers.join(" ") || "none"}`,
    },
  );
}

/** A JSON pointer as people name the field: linux.resources.memory.limit, unified resource "memory.high". */
export function fieldName(pointer: string): string {
  const unified = /^\/linux\/resources\/unified\/(.*)$/.exec(pointer);
  if (unified)
    return `unified resource ${JSON.stringify(unified[1]!.replaceAll("~1", "/").replaceAll("~0", "~"))}`;
  return pointer
    .slice(1)
    .replace(/\/(\d+)(?=\/|$)/g, "[$1]")
    .replaceAll("/", ".");
}

function noTree(): TsrunError {
  return new TsrunError("CGROUP", "no cgroup v2 tree is mounted on this host", {
    hint: "mount one: mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified",
  });
}

function noRights(write: CgroupWrite): TsrunError {
  return new TsrunError(
    "CGROUP",
    `${fieldName(write.origin)} can't be set: rootless needs no limits + no cgrouppath when no permission is granted for cgroups`,
    {
      pointer: write.origin,
      hint: "run below a cgroup that is delegated to you (systemd-run --user --scope -p Delegate=yes ...), or leave the limit out",
    },
  );
}
