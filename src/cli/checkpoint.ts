import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { cgroupModes, networkLocks } from "../criu/messages.ts";
import type { SharedOptions } from "../criu/requests.ts";
import { TsrunError } from "../errors.ts";
import { checkpointContainer } from "../lifecycle/checkpoint.ts";
import type { Invocation } from "./invocation.ts";
import type { CommandValues } from "./program.ts";

/** tsrun checkpoint */
export function checkpoint({ args, flags, root, log }: Invocation<"checkpoint">): number {
  warnWithoutRoot(log.warn);
  checkpointContainer({
    ...sharedOptions(flags),
    root: root.path,
    id: args[0]!,
    imagePath: imagePath(flags["image-path"]),
    workPath: flags["work-path"] ? resolve(flags["work-path"]) : undefined,
    parentPath: flags["parent-path"] || undefined,
    leaveRunning: flags["leave-running"],
    preDump: flags["pre-dump"],
    linkRemap: flags["link-remap"],
    tcpSkipInFlight: flags["tcp-skip-in-flight"],
    pageServer: readPageServer(flags["page-server"] ?? ""),
    statusFd: checkStatusFd(flags["status-fd"]),
    warn: log.warn,
  });
  return 0;
}

/** What `checkpoint` and `restore` have in common. */
export function sharedOptions(
  flags: CommandValues<"checkpoint"> | CommandValues<"restore">,
): SharedOptions {
  checkEmptyNamespaces(flags["empty-ns"]);
  return {
    tcpEstablished: flags["tcp-established"],
    extUnixSockets: flags["ext-unix-sk"],
    shellJob: flags["shell-job"],
    fileLocks: flags["file-locks"],
    autoDedup: flags["auto-dedup"],
    lazyPages: flags["lazy-pages"],
    networkLock: readNetworkLock(flags["network-lock"] ?? ""),
    cgroupsMode: readCgroupsMode(flags["manage-cgroups-mode"] ?? ""),
  };
}

/** --image-path, absolute; runc's default is in the current directory. */
export function imagePath(flag: string | undefined): string {
  return resolve(flag || "checkpoint");
}

/** CRIU as an ordinary user saves ordinary processes at most. */
export function warnWithoutRoot(warn: (message: string) => void): void {
  if (process.geteuid!() !== 0) warn("checkpoints of rootless containers are untested");
}

/** The only one that runc knows, too; its properties are never saved. */
function checkEmptyNamespaces(names: readonly string[]): void {
  const other = names.find((name) => name !== "network");
  if (other === undefined) return;
  throw new TsrunError("USAGE", `namespace ${JSON.stringify(other)} is not supported`, {
    hint: "--empty-ns is network",
  });
}

function readCgroupsMode(mode: string): string {
  if (Object.hasOwn(cgroupModes, mode)) return mode;
  throw new TsrunError("USAGE", "invalid manage-cgroups-mode value", {
    hint: `${JSON.stringify(mode)} is none of soft, full, strict, ignore`,
  });
}

function readNetworkLock(method: string): string | undefined {
  if (method === "" || Object.hasOwn(networkLocks, method)) return method || undefined;
  throw new TsrunError("USAGE", "invalid network-lock value", {
    hint: `${JSON.stringify(method)} is none of ${Object.keys(networkLocks).join(", ")}`,
  });
}

function readPageServer(text: string): { address: string; port: number } | undefined {
  if (text === "") return undefined;
  const [, plain = "", bracketed = "", port = ""] =
    /^(?:([^:[\]]+)|\[([^[\]]+)\]):([^:]+)$/.exec(text) ?? [];
  if (port === "") {
    throw new TsrunError("USAGE", "Use --page-server ADDRESS:PORT to specify page server");
  }
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
    throw new TsrunError("USAGE", "Invalid port number", { hint: `--page-server ${text}` });
  }
  return { address: plain || bracketed, port: Number(port) };
}

const accessModes = 3;

function checkStatusFd(fd: number): number | undefined {
  if (fd === -1) return undefined;
  const flags = descriptorFlags(fd);
  if (flags === undefined) {
    throw new TsrunError("USAGE", `invalid --status-fd argument ${fd}: bad file descriptor`, {
      errno: "EBADF",
    });
  }
  if ((flags & accessModes) !== 0) return fd;
  throw new TsrunError("USAGE", `invalid --status-fd argument ${fd}: not writable`);
}

function descriptorFlags(fd: number): number | undefined {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
    return parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? "", 8);
  } catch {
    return undefined;
  }
}
