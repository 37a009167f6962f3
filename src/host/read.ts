import { existsSync, readFileSync } from "node:fs";
import { readLayout } from "../cgroup/layout.ts";
import { TsrunError } from "../errors.ts";
import type { HostFacts, ProcessFacts } from "./facts.ts";
import { isInitialIdMap } from "./id-map.ts";

type Rootless = { readonly rootless?: "true" | "false" | "auto" };

/** Reads what plans depend on. `rootless` is the global flag of that name. */
export function readHostFacts(options: Rootless): HostFacts {
  return {
    ...readProcessFacts(options),
    kernel: readKernelVersion(),
    cgroup: readLayout(),
    kcore: existsSync("/proc/kcore"),
  };
}

/** Reads what the plan of a process in an existing container depends on. */
export function readProcessFacts({ rootless = "auto" }: Rootless): ProcessFacts {
  const euid = process.geteuid?.() ?? 0;
  const inUserNamespace = !isInitialIdMap(readText("/proc/self/uid_map"));
  return {
    euid,
    egid: process.getegid?.() ?? 0,
    inUserNamespace,
    rootless: rootless === "auto" ? euid !== 0 || inUserNamespace : rootless === "true",
    lastCapability: Number(readText("/proc/sys/kernel/cap_last_cap")),
    lsm: readLsm(),
    setgroupsDenied: inUserNamespace && readText("/proc/self/setgroups").startsWith("deny"),
  };
}

function readKernelVersion(): HostFacts["kernel"] {
  const release = readText("/proc/sys/kernel/osrelease");
  const match = /^(\d+)\.(\d+)/.exec(release);
  if (match === null) {
    throw new TsrunError("HOST", `cannot read the kernel's version: ${JSON.stringify(release)}`, {
      hint: "/proc must be mounted",
    });
  }
  return { major: Number(match[1]), minor: Number(match[2]) };
}

/** Which of the two LSMs with labels are at work; securityfs need not be mounted. */
function readLsm(): HostFacts["lsm"] {
  const active = readText("/sys/kernel/security/lsm").trim().split(",");
  return {
    apparmor:
      active.includes("apparmor") ||
      readText("/sys/module/apparmor/parameters/enabled").startsWith("Y"),
    // Without a policy everything has the label of the kernel, and nothing is refused.
    selinux:
      existsSync("/sys/fs/selinux/enforce") &&
      !/^kernel\0?$/.test(readText("/proc/self/attr/current").trim()),
  };
}

/** Content of a file; "" where there is none or it is not readable. */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
