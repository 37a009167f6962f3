import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { type Config, type Container, prepare, shell } from "./container.ts";
import { findProgram } from "./host.ts";
import { type RunOptions, scratch } from "./runtime.ts";
import { until } from "./wait.ts";

const lab = join(import.meta.dirname, "../../lab");
const guest = process.env.LAB_GUEST ?? join(process.env.TSRUN_CACHE ?? "/var/cache/tsrun", "guest");
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export type Criu = {
  /** For the runtime: PATH with a CRIU that works on this kernel. */
  readonly env: Record<string, string>;
  /** Lets a container be checkpointed without iptables. */
  readonly configure: (config: Config) => void;
};

let found: Criu | string | undefined;

/** A reason to skip, else false. */
export function needsCriu(): string | false {
  const criu = findCriu();
  return typeof criu === "string" ? criu : false;
}

/** For the runtime: where CRIU is, and time for it. */
export const withCriu: RunOptions = {
  get env() {
    const criu = findCriu();
    return typeof criu === "string" ? { PATH: systemPath } : criu.env;
  },
  timeout: 120_000,
};

/** A container that counts in its file /count, and that CRIU can save. */
export function countingContainer(t: Test, edit: (config: Config) => void = () => {}): Container {
  const c = prepare(t, (config) => {
    config.process.args = shell("i=0; while :; do i=$((i+1)); echo $i > /count; sleep 0.1; done");
    const criu = findCriu();
    if (typeof criu !== "string") criu.configure(config);
    edit(config);
  });
  mkdirSync(join(c.bundle, "images"));
  return c;
}

/** How far it has counted. */
export function counted(c: Container): number {
  const file = join(c.rootfs, "count");
  return existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
}

/** Runs it until it has counted to three, so that a counter from the start would be noticed. */
export function startCounting(c: Container, flags: readonly string[] = []): void {
  // What the container keeps must be its own, or CRIU cannot save it.
  const output = { stdout: "/dev/null", stderr: "/dev/null" };
  c.run(["--detach", ...flags], { ...withCriu, output });
  if (!until(() => counted(c) >= 3)) throw new Error("the container does not count");
}

/** Where its images go. */
export function imageFlags(c: Container): string[] {
  return ["--image-path", join(c.bundle, "images")];
}

/**
 * A CRIU that works here, or the reason why there is none. The distribution's may be older than the kernel; then it
 * is the one of the lab's Debian sid, run with the libraries of its own tree.
 */
function findCriu(): Criu | string {
  found ??= look();
  return found;
}

function look(): Criu | string {
  if (process.getuid!() !== 0) return "CRIU needs root";
  if (works("criu")) return withPath(systemPath);
  if (process.env.TSRUN_LAB_INSIDE !== undefined) return "CRIU does not work on the lab's kernel";
  const program = join(guest, "usr/sbin/criu");
  // Also when it is there: another test may be about to make the tree.
  if (findProgram("debootstrap") !== null) {
    spawnSync(join(lab, "mkguest"), { stdio: "ignore", timeout: 600_000 });
  }
  if (!existsSync(program))
    return "CRIU does not work with this kernel, and the lab's tree has none";
  const directory = join(scratch, "criu");
  mkdirSync(directory, { recursive: true });
  const wrapper = join(directory, "criu");
  writeFileSync(wrapper, wrapped(program));
  chmodSync(wrapper, 0o755);
  if (!works(wrapper)) return "CRIU does not work with this kernel, and the lab's does not either";
  return withPath(`${directory}:${systemPath}`);
}

function wrapped(program: string): string {
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  const loader = machine === "aarch64" ? "lib/ld-linux-aarch64.so.1" : "lib64/ld-linux-x86-64.so.2";
  const libraries = `${guest}/usr/lib/${machine}-linux-gnu`;
  return `#!/bin/sh\nexec ${guest}/${loader} --library-path ${libraries} ${program} "$@"\n`;
}

function works(program: string): boolean {
  return spawnSync(program, ["check"], { stdio: "ignore", timeout: 60_000 }).status === 0;
}

function withPath(path: string): Criu {
  const file = join(scratch, "criu.conf");
  writeFileSync(file, "network-lock skip\n");
  return {
    env: { PATH: path },
    configure: (config) => {
      config.annotations = { ...config.annotations, "org.criu.config": file };
    },
  };
}
