// Where benchmarks run: in the tree of the lab, which has the newest runc and crun of Debian sid, with the cgroup v2 file
// system at its /sys/fs/cgroup (crun refuses hybrid hosts), in a mount namespace of its own.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { sampleConfig } from "../../scripts/sample-config.ts";

export const project = resolve(import.meta.dirname, "../..");
const cache = process.env["TSRUN_CACHE"] ?? "/var/cache/tsrun";
const guest = process.env["LAB_GUEST"] ?? `${cache}/guest`;
/** Where the tree sees the files of the benchmark. */
export const guestWork = "/bench";

/** Makes a directory that the tree sees at /bench, for as long as `use` runs. */
export function withTree(use: (work: string) => void): void {
  if (!existsSync(`${guest}/usr/sbin/runc`)) {
    throw new Error(`no tree with runc and crun at ${guest}: run test/lab/mkguest`);
  }
  const work = mkdtempSync(`${cache}/bench-`);
  try {
    mkdirSync(`${guest}${guestWork}`, { recursive: true });
    use(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Runs a shell script in the tree. */
export function runInTree(work: string, command: string) {
  const script = `set -e
mount --bind "$G" "$G"; cd "$G"
mount -t proc proc proc
mount -t sysfs sys sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs run run; mount -t tmpfs tmp tmp
mkdir -p tmp/old .${guestWork}; mount --bind "$W" .${guestWork}
pivot_root . tmp/old
exec chroot . /bin/sh -c 'umount -l /tmp/old; ${command}'
`;
  return spawnSync("unshare", ["-m", "--propagation", "private", "sh", "-c", script], {
    env: { ...process.env, G: guest, W: work, PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
}

/** Builds one of the programs here. */
export function compile(name: string, work: string): void {
  const source = join(import.meta.dirname, `${name}.c`);
  const built = spawnSync("cc", ["-O2", "-static", "-o", `${work}/${name}`, source]);
  if (built.status !== 0) throw new Error(`cc: ${String(built.stderr)}`);
}

/** A bundle with busybox and containerd's default configuration. */
export function makeBundle(bundle: string, args: readonly string[]): void {
  mkdirSync(`${bundle}/rootfs/bin`, { recursive: true });
  copyFileSync("/bin/busybox", `${bundle}/rootfs/bin/busybox`);
  symlinkSync("busybox", `${bundle}/rootfs/bin/sh`);
  writeFileSync(`${bundle}/config.json`, sampleConfig(args));
}

export const runtimes = ["tsrun", "runc", "crun"] as const;
export type Runtime = (typeof runtimes)[number];

/** Where the files of tsrun are for the tree. */
export const guestDist = `${guestWork}/dist`;

/** What each runtime says of itself in the first line. */
export function versionsOf(work: string): Record<Runtime, string> {
  const commands = [`${guestDist}/tsrun`, "runc", "crun"].map(
    (name) => `${name} --version | head -1`,
  );
  const lines = runInTree(work, commands.join("; ")).stdout.trim().split("\n");
  const version = (index: number): string => lines[index]?.replace(/^\w+ version /, "") ?? "";
  return { tsrun: version(0), runc: version(1), crun: version(2) };
}

/** The files that a runtime's create reads of itself: its programs and their libraries. */
export function filesOf(work: string, runtime: Runtime): string[] {
  const own = ["tsrun", "engine", "tsrun.node", "init", "prefault.so"];
  const programs = {
    tsrun: own.map((name) => `${guestDist}/${name === "tsrun" ? "" : "lib/tsrun/"}${name}`),
    runc: ["/usr/sbin/runc"],
    crun: ["/usr/bin/crun"],
  }[runtime];
  const script = `for f in ${programs.join(" ")}; do echo $f; ldd $f 2> /dev/null | grep -o "/[^ ]*"; done`;
  const { stdout } = runInTree(work, script);
  return [...new Set(stdout.trim().split("\n"))];
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
