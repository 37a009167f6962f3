import { TsrunError } from "../errors.ts";
import { CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUSER, CLONE_NEWUTS } from "../linux.ts";
import { describe } from "./context.ts";
import type { Namespaces } from "./namespaces.ts";
import type { PlannedOp } from "./plan.ts";

type Sysctls = Readonly<Record<string, string>> | undefined;

const ipcSysctls: ReadonlySet<string> = new Set([
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
  "kernel.shm_rmid_forced",
]);

/** Refuses sysctls that would change the host, because they belong to no namespace of the container. */
export function checkSysctl(sysctl: Sysctls, { all }: Namespaces): void {
  for (const key of Object.keys(sysctl ?? {})) {
    const problem = problemOf(sysctlPath(key).replaceAll(".", "\0").replaceAll("/", "."), all);
    if (problem === null) continue;
    throw new TsrunError("CONFIG_INVALID", `sysctl ${JSON.stringify(key)} ${problem}`, {
      pointer: `/linux/sysctl/${escapePointer(key)}`,
    });
  }
}

/** One write each. `proc` is the slot of a private procfs. */
export function planSysctl(sysctl: Sysctls, proc: number | null): PlannedOp[] {
  if (proc === null) return [];
  return Object.entries(sysctl ?? {}).flatMap(([key, value]) =>
    describe(`/linux/sysctl/${escapePointer(key)}`, `write sysctl ${key} = ${value}`, {
      op: "sysctl",
      proc,
      file: sysctlPath(key),
      value,
    }),
  );
}

/**
 * The file below /proc/sys. As in sysctl(8), the separator that comes first decides: with dots, a slash
 * stands for a dot within a name (net.ipv4.conf.eth0/1.forwarding), with slashes a dot is a dot.
 */
export function sysctlPath(key: string): string {
  const first = /[./]/.exec(key)?.[0];
  if (first !== ".") return key;
  return key.replace(/[./]/g, (separator) => (separator === "." ? "/" : "."));
}

function problemOf(name: string, all: number): string | null {
  const parts = name.split(".");
  if (parts.includes("") || parts.includes("\0\0")) return "is not a valid name";
  const has = (flag: number): boolean => (all & flag) !== 0;
  if (ipcSysctls.has(name) || name.startsWith("fs.mqueue.")) {
    return has(CLONE_NEWIPC) ? null : "is not allowed in the hosts ipc namespace";
  }
  if (name.startsWith("net."))
    return has(CLONE_NEWNET) ? null : "not allowed in host network namespace";
  if (name.startsWith("user.") && has(CLONE_NEWUSER)) return null;
  if (has(CLONE_NEWUTS)) {
    if (name === "kernel.domainname") return null;
    if (name === "kernel.hostname")
      return 'is not allowed as it conflicts with the OCI "hostname" field';
  }
  return "is not in a separate kernel namespace";
}

/** A key as a segment of a JSON pointer. */
export function escapePointer(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
