// The effects on resctrl: groups are directories, the kernel makes the files in them.
import { mkdirSync, readFileSync, rmdirSync } from "node:fs";

import { errnoOf, isErrno, readCgroupFile, writeCgroupFile } from "../cgroup/files.ts";
import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import type { ContainerResctrl, ResctrlPlan, SchemataWrite } from "./plan.ts";
import { agrees } from "./schemata.ts";

/** Makes the groups of a container that are not there yet. */
export function makeGroups({ group }: ResctrlPlan): ContainerResctrl {
  const isNew = makeGroup(group, group.path);
  if (group.monitor !== undefined) makeGroup(group, group.monitor);
  return { ...group, made: group.made && isNew };
}

function makeGroup({ root }: ContainerResctrl, path: string): boolean {
  try {
    mkdirSync(path, 0o755);
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    // As many as the hardware has; the kernel says ENOSPC.
    throw failed(root, `mkdir ${path}`, { cause: error, pointer: "/linux/intelRdt" });
  }
}

/** Shares out what the plan says, in its order. A class of others must be so already. */
export function fillSchemata({ group, writes, compare }: ResctrlPlan): void {
  const file = `${group.path}/schemata`;
  const present = compare.length > 0 ? readFileSync(file, "utf8") : "";
  const step = Number(readCgroupFile(`${group.root}/info/MB/bandwidth_gran`)) || 1;
  for (const { text, pointer } of compare) {
    if (agrees(text, present, step)) continue;
    throw new TsrunError(
      "CONFIG_INVALID",
      `${file} has other values than ${JSON.stringify(text.trim())}: ${JSON.stringify(present.trim())}`,
      { pointer, hint: "a class that is there already is not changed: name another one by closID" },
    );
  }
  writes.forEach((write) => writeSchemata(group, write));
}

/** Writes one schema of a class. */
export function writeSchemata(
  { root, path }: ContainerResctrl,
  { text, pointer }: SchemataWrite,
): void {
  try {
    writeCgroupFile(`${path}/schemata`, text);
  } catch (error) {
    const what = `intelrdt: unable to write ${JSON.stringify(text)} to ${path}/schemata`;
    throw failed(root, what, { cause: error, pointer });
  }
}

/** Puts a process into the groups of a container; what it forks from then on is there too. */
export function enterGroups({ root, path, monitor }: ContainerResctrl, pid: number): void {
  for (const group of [path, ...(monitor === undefined ? [] : [monitor])]) {
    try {
      writeCgroupFile(`${group}/tasks`, String(pid));
    } catch (error) {
      throw failed(root, `intelrdt: unable to add pid ${pid} to ${group}`, { cause: error });
    }
  }
}

/** Removes what was made for a container. A class that config.json names is never removed. */
export function removeGroups({ root, path, made, monitor }: ContainerResctrl): void {
  // The kernel removes monitoring groups with their class.
  for (const group of [...(monitor === undefined ? [] : [monitor]), ...(made ? [path] : [])]) {
    try {
      rmdirSync(group);
    } catch (error) {
      if (isErrno(error, "ENOENT")) continue;
      throw failed(root, `unable to remove container's IntelRDT group ${group}`, { cause: error });
    }
  }
}

/** The kernel tells in a file of its own what was wrong with the last command. */
function failed(
  root: string,
  what: string,
  { cause, pointer }: { readonly cause: unknown; readonly pointer?: string },
): TsrunError {
  const status = readCgroupFile(`${root}/info/last_cmd_status`)?.trim();
  const said = status && status !== "ok" ? `, last_cmd_status: ${status}` : "";
  return new TsrunError("HOST", `${what}: ${reasonOf(cause)}${said}`, {
    pointer,
    errno: errnoOf(cause),
    cause,
  });
}
