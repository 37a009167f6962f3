import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";

/**
 * What a test may need from the machine. Where it is missing natively but there in the lab's kernel, the reason
 * begins with "lab: ": the summary then wants the test to have run in the lab.
 */
export type Need = keyof typeof needs;

/** `lab`: which kernel of the lab has it; "systemd" is the one with systemd as process 1. */
type Check = { holds: () => boolean; why: string; lab: boolean | "systemd" };

const controllers = (name: string): Check => ({
  holds: () => unified() && controllerNames().includes(name),
  why: `needs the ${name} controller on a unified cgroup v2`,
  lab: !["cpuset", "hugetlb", "rdma", "misc"].includes(name),
});

const needs = {
  "unified-cgroup": { holds: unified, why: "needs a unified cgroup v2", lab: true },
  "hybrid-cgroup": {
    holds: () => !unified() && existsSync("/sys/fs/cgroup/unified/cgroup.procs"),
    why: "needs a hybrid cgroup layout",
    lab: false,
  },
  /** A text that scripts/summarize.ts knows. */
  systemd: {
    holds: () => unified() && existsSync("/run/systemd/system"),
    why: "needs systemd as process 1",
    lab: "systemd",
  },
  memory: controllers("memory"),
  cpu: controllers("cpu"),
  pids: controllers("pids"),
  io: controllers("io"),
  cpuset: controllers("cpuset"),
  hugetlb: controllers("hugetlb"),
  /** Raising hard limits, lowering oom_score_adj. */
  "sys-resource": {
    holds: () => hasCapability(24),
    why: "needs CAP_SYS_RESOURCE",
    lab: true,
  },
  "32-bit": {
    holds: () => !readFileSync("/proc/cpuinfo", "utf8").includes("User Mode Linux"),
    why: "needs a kernel that runs 32-bit programs",
    lab: false,
  },
  newuidmap: {
    holds: () => findProgram("newuidmap") !== null,
    why: "needs newuidmap (package uidmap)",
    lab: true,
  },
  apparmor: {
    holds: () =>
      readText("/sys/kernel/security/lsm").split(",").includes("apparmor") &&
      findProgram("apparmor_parser") !== null,
    why: "needs AppArmor and apparmor_parser",
    lab: true,
  },
} satisfies Record<string, Check>;

/** A reason to skip when the machine lacks something, else false. */
export function requires(...wanted: Need[]): string | false {
  const missing = wanted.find((name) => !needs[name].holds());
  if (missing === undefined) return false;
  const { why, lab } = needs[missing];
  const inside = process.env.TSRUN_LAB_INSIDE;
  const elsewhere = lab === "systemd" ? inside !== "systemd" : lab && inside === undefined;
  return elsewhere ? `lab: ${why}` : why;
}

/** The mount point of the cgroup v2 tree. */
export function cgroupMount(): string {
  return unified() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";
}

function unified(): boolean {
  return existsSync("/sys/fs/cgroup/cgroup.controllers");
}

function controllerNames(): string[] {
  return readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8").trim().split(" ");
}

function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8").trim() : "";
}

function hasCapability(number: number): boolean {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"));
  return line !== null && (BigInt(`0x${line[1]}`) & (1n << BigInt(number))) !== 0n;
}

/** Where a program of the host is, or null. */
export function findProgram(name: string): string | null {
  const places = (process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin").split(":");
  return places.map((place) => `${place}/${name}`).find(executable) ?? null;
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Major and minor number of any block device, or null. */
export function blockDevice(): [number, number] | null {
  for (const name of existsSync("/sys/block") ? readdirSync("/sys/block") : []) {
    const [major, minor] = readFileSync(`/sys/block/${name}/dev`, "utf8")
      .trim()
      .split(":")
      .map(Number);
    if (major !== undefined && minor !== undefined) return [major, minor];
  }
  return null;
}
