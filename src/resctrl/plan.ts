// linux.intelRdt as what is to be done below the mount point of resctrl; nothing is changed here.
import { existsSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import type { Linux } from "../spec/types.ts";
import { controls, findResctrl } from "./root.ts";

type IntelRdt = NonNullable<Linux["intelRdt"]>;

/** What state.json keeps of the groups of a container. */
export type ContainerResctrl = {
  /** Mount point of resctrl. */
  readonly root: string;
  /** The class of service: a directory in it, or the mount point itself. */
  readonly path: string;
  /** The class is the container's own, and goes with it. */
  readonly made: boolean;
  /** The container's monitoring group. */
  readonly monitor?: string;
};

export type SchemataWrite = { readonly text: string; readonly pointer: string };

export type ResctrlPlan = {
  readonly group: ContainerResctrl;
  /** In the order in which they are to be written. */
  readonly writes: readonly SchemataWrite[];
  /** The class was there before under the name that config.json gives it: these must be as they are there. */
  readonly compare: readonly SchemataWrite[];
};

const pointer = "/linux/intelRdt";

/** Decides on the groups of a container; null when config.json does not ask for any. */
export function planResctrl(intelRdt: IntelRdt | undefined, id: string): ResctrlPlan | null {
  if (intelRdt === undefined) return null;
  const root = findResctrl();
  if (root !== undefined) return planGroups(intelRdt, { root, id });
  throw new TsrunError(
    "CONFIG_UNSUPPORTED",
    "intelRdt is specified in config, but Intel RDT is not supported or enabled",
    {
      pointer,
      hint: "mount it where the hardware has it: mount -t resctrl resctrl /sys/fs/resctrl",
    },
  );
}

/** The groups of a container below `root`. */
export function planGroups(
  intelRdt: IntelRdt,
  { root, id }: { readonly root: string; readonly id: string },
): ResctrlPlan {
  const { closID, l3CacheSchema, memBwSchema, schemata = [], enableMonitoring } = intelRdt;
  const named = closID !== undefined && closID !== "";
  const path = closID === "/" ? root : `${root}/${named ? closID : id}`;
  const there = existsSync(path);
  const own = [...asWrite(l3CacheSchema, "l3CacheSchema"), ...asWrite(memBwSchema, "memBwSchema")];
  const writes = [...own, ...asWrite(schemata.filter(Boolean).join("\n"), "schemata")];
  if (l3CacheSchema && !controls(root, "L3")) throw notEnabled("l3CacheSchema", "CAT");
  if (memBwSchema && !controls(root, "MB")) throw notEnabled("memBwSchema", "MBA");
  if (named && !there && writes.length === 0) throw notPrepared(path);
  const monitor = enableMonitoring ? { monitor: `${path}/mon_groups/${id}` } : {};
  return {
    group: { root, path, made: !named && !there, ...monitor },
    writes,
    compare: named && there ? own : [],
  };
}

/** A schema as it is written: with the end of its line. */
export function asWrite(text: string | undefined, field: string): SchemataWrite[] {
  return text ? [{ text: `${text}\n`, pointer: `${pointer}/${field}` }] : [];
}

function notEnabled(field: string, feature: string): TsrunError {
  return new TsrunError(
    "CONFIG_UNSUPPORTED",
    `intelRdt.${field} is specified in config, but Intel RDT/${feature} is not enabled`,
    { pointer: `${pointer}/${field}` },
  );
}

function notPrepared(path: string): TsrunError {
  return new TsrunError(
    "CONFIG_INVALID",
    `clos dir not accessible (must be pre-created when schemata, l3CacheSchema and memBwSchema are empty): stat ${path}: no such file or directory`,
    { pointer: `${pointer}/closID`, hint: `make ${path}, or say what the class is to be` },
  );
}
