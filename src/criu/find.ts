import { accessSync, constants } from "node:fs";

import { TsrunError } from "../errors.ts";

/** Engines may call without PATH. */
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The absolute path of CRIU, by PATH. */
export function findCriu(env: NodeJS.ProcessEnv): string {
  const directories = (env["PATH"] || defaultPath)
    .split(":")
    .filter((path) => path.startsWith("/"));
  const found = directories.map((path) => `${path}/criu`).find(isExecutable);
  if (found !== undefined) return found;
  throw new TsrunError("CRIU", 'exec: "criu": executable file not found in $PATH', {
    errno: "ENOENT",
    hint: "checkpoint and restore are done by CRIU: install it (on most distributions the package criu)",
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
