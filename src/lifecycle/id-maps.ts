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
    const what = text.trim().replaceAll("\n", ", ");
    throw new TsrunError(
      "HOST",
      `cannot write "${what}" to ${file} of the user namespace: ${reasonOf(error)}`,
      {
        pointer,
        cause: error,
        hint:
          (error as NodeJS.ErrnoException).code === "EINVAL"
            ? "mappings may not overlap, must not be empty and at most 340 lines are allowed"
            : "all host ids must be mapped in the user namespace that tsrun runs in",
      },
    );
  }
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
