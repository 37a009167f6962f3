import { writeFileSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import { isOwnId } from "../plan/namespaces.ts";
import type { HostSteps, IdMap } from "../plan/plan.ts";
import { describeExit } from "../exit.ts";
import { findHostProgram, runProgram } from "./program.ts";

export type IdMaps = NonNullable<HostSteps["idMaps"]>;

/** Writes the id maps of the user namespace that the process `pid` has just made. */
export function writeIdMaps(pid: number, maps: IdMaps, { euid }: { euid: number }): void {
  const isRoot = euid === 0;
  if (maps.denySetgroups) writeProc(pid, "setgroups", "deny"); // the kernel's condition for an unprivileged gid_map
  if (isRoot || maps.denySetgroups) writeProc(pid, "gid_map", renderMap(maps.gid));
  else runMapper("newgidmap", pid, maps.gid);
  if (isRoot || isOwnId(maps.uid, euid)) writeProc(pid, "uid_map", renderMap(maps.uid));
  else runMapper("newuidmap", pid, maps.uid);
}

/** The lines of uid_map and gid_map: id inside, id outside, count. */
export function renderMap(map: readonly IdMap[]): string {
  return map.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
}

function writeProc(pid: number, file: string, text: string): void {
  try {
    writeFileSync(`/proc/${pid}/${file}`, text);
  } catch (error) {
    const pointer = file === "gid_map" ? "/linux/gidMappings" : "/linux/uidMappings";
    throw new TsrunError(
      "HOST",
      `cannot write "${shortened(text)}" to ${file} of the user namespace: ${reasonOf(error)}`,
      {
        pointer,
        cause: error,
        hint: hintFor((error as NodeJS.ErrnoException).code, text),
      },
    );
  }
}

/** The kernel takes less than a page of text, with whatever number of lines. */
const pageSize = 4096;

function hintFor(code: string | undefined, text: string): string {
  if (code !== "EINVAL")
    return "all host ids must be mapped in the user namespace that tsrun runs in, where CAP_SETUID and CAP_SETGID are needed, and CAP_SETFCAP to map 0";
  return text.length < pageSize
    ? "mappings may not overlap and must not be empty"
    : `it is ${text.length} bytes of text, and the kernel takes less than a page (${pageSize}): fewer mappings, or smaller numbers`;
}

/** As one line, which need not be all of it. */
function shortened(text: string): string {
  const lines = text.trim().split("\n");
  return [...lines.slice(0, 4), ...(lines.length > 4 ? [`... (${lines.length} lines)`] : [])].join(
    ", ",
  );
}

/** newuidmap and newgidmap (package uidmap) are setuid and write what /etc/subuid, /etc/subgid allow. */
function runMapper(name: "newuidmap" | "newgidmap", pid: number, map: readonly IdMap[]): void {
  const pointer = name === "newuidmap" ? "/linux/uidMappings" : "/linux/gidMappings";
  const file = findHostProgram(name);
  if (file === undefined) {
    throw new TsrunError(
      "HOST",
      `${name} is needed to map more ids than one's own, and is not installed`,
      {
        pointer,
        hint: 'install the package "uidmap" (Debian, Ubuntu) or "shadow-utils", or map only your own id',
      },
    );
  }
  const numbers = map.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size]);
  const ending = runProgram({ file, argv: [name, String(pid), ...numbers.map(String)], env: [] });
  if (ending.exit.code === 0 && !ending.exit.signaled) return;
  const subFile = name === "newuidmap" ? "/etc/subuid" : "/etc/subgid";
  throw new TsrunError("HOST", `${name} failed: ${describeExit(ending.exit)}: ${ending.stderr}`, {
    pointer,
    hint: `the host ids must be given to this user in ${subFile}`,
  });
}
