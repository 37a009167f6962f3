import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "./container.ts";
import { findProgram } from "./host.ts";
import { scratch } from "./runtime.ts";

const lab = join(import.meta.dirname, "../../lab");
const guest = process.env.LAB_GUEST ?? join(process.env.TSRUN_CACHE ?? "/var/cache/tsrun", "guest");
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export type Criu = {
  /** For the runtime: PATH with a CRIU that works on this kernel. */
  readonly env: { readonly PATH: string };
  /** Lets a container be checkpointed without iptables. */
  readonly configure: (config: Config) => void;
};

let found: Criu | string | undefined;

/**
 * A CRIU that works here, or the reason why there is none. The distribution's may be older than the kernel; then it
 * is the one of the lab's Debian sid, run with the libraries of its own tree.
 */
export function findCriu(): Criu | string {
  found ??= look();
  return found;
}

/** A reason to skip, else false. */
export function needsCriu(): string | false {
  const criu = findCriu();
  return typeof criu === "string" ? criu : false;
}

function look(): Criu | string {
  if (process.getuid!() !== 0) return "CRIU needs root";
  if (works("criu")) return withPath(systemPath);
  if (process.env.TSRUN_LAB_INSIDE !== undefined) return "CRIU does not work on the lab's kernel";
  const program = join(guest, "usr/sbin/criu");
  if (!existsSync(program) && findProgram("debootstrap") !== null) {
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
