import { posix } from "node:path";
import { TsrunError } from "../errors.ts";
import type { Mount } from "../spec/types.ts";
import { isBind } from "./mount-options.ts";

/** What may be mounted below /proc: the files that lxcfs provides. */
const allowedBelowProc: ReadonlySet<string> = new Set([
  "/proc/cpuinfo",
  "/proc/diskstats",
  "/proc/meminfo",
  "/proc/stat",
  "/proc/swaps",
  "/proc/uptime",
  "/proc/loadavg",
  "/proc/slabinfo",
  "/proc/net/dev",
  "/proc/sys/kernel/ns_last_pid",
  "/proc/sys/crypto/fips_enabled",
]);

/** Refuses mounts that would put something else in the place of procfs. */
export function checkMountTarget(mount: Mount, destination: string, origin: string): void {
  const pointer = `${origin}/destination`;
  if (destination === "/") {
    const message = `mount destination ${JSON.stringify(mount.destination)} is the root of the container`;
    throw new TsrunError("CONFIG_INVALID", message, {
      pointer,
      hint: "root.path says what is mounted there",
    });
  }
  if (destination === "/proc") {
    if (isBind(mount) ? isHostProc(mount.source) : mount.type === "proc") return;
    const message = `"/proc" cannot be mounted because it is not of type proc`;
    throw new TsrunError("CONFIG_INVALID", message, { pointer });
  }
  if (destination.startsWith("/proc/") && !allowedBelowProc.has(destination)) {
    const message = `${JSON.stringify(destination)} cannot be mounted because it is inside /proc`;
    throw new TsrunError("CONFIG_INVALID", message, { pointer });
  }
}

function isHostProc(source: string | undefined): boolean {
  return source !== undefined && posix.normalize(source).replace(/\/$/, "") === "/proc";
}
