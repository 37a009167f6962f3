import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Linux, Mount, Process, Spec } from "../../../src/spec/types.ts";

/** A config with the parts every container has, so that tests edit it without asking. */
export type Config = Spec & {
  root: { path: string; readonly?: boolean };
  process: Process & { args: string[]; env: string[] };
  mounts: Mount[];
  linux: Linux & { namespaces: NonNullable<Linux["namespaces"]> };
};

const applets = [
  ..."ash awk basename cat chmod chown cp cut date dd df dirname echo env expr false find grep head hostname id".split(
    " ",
  ),
  ..."ip kill ln ls md5sum mkdir mkfifo mknod mount mv nc nice pidof printenv printf ps pwd readlink rm rmdir sed".split(
    " ",
  ),
  ..."sh sleep sort stat stty tail tee test touch tr true tty umount uname wc which yes".split(" "),
];

/** Makes a root file system of busybox alone. */
export function makeRootfs(directory: string): void {
  for (const name of ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "run"]) {
    mkdirSync(join(directory, name), { recursive: true });
  }
  copyFileSync(busybox(), join(directory, "bin/busybox"));
  for (const name of applets) symlinkSync("busybox", join(directory, "bin", name));
  writeFileSync(
    join(directory, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n",
  );
  writeFileSync(join(directory, "etc/group"), "root:x:0:\nuser:x:1000:\n");
}

function busybox(): string {
  const found = ["/usr/bin/busybox", "/bin/busybox"].find((path) => existsSync(path));
  if (found === undefined) throw new Error("no busybox: install busybox-static");
  return found;
}

/** The config tests start from: all usual namespaces and mounts, no cgroup settings, no seccomp. */
export function baseConfig(): Config {
  const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      cwd: "/",
      capabilities: {
        bounding: [...capabilities],
        effective: [...capabilities],
        permitted: [...capabilities],
      },
      noNewPrivileges: true,
    },
    root: { path: "rootfs" },
    hostname: "test",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      },
      {
        destination: "/dev/shm",
        type: "tmpfs",
        source: "shm",
        options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
      },
      {
        destination: "/dev/mqueue",
        type: "mqueue",
        source: "mqueue",
        options: ["nosuid", "noexec", "nodev"],
      },
      {
        destination: "/sys",
        type: "sysfs",
        source: "sysfs",
        options: ["nosuid", "noexec", "nodev", "ro"],
      },
    ],
    linux: {
      namespaces: [
        { type: "pid" },
        { type: "network" },
        { type: "ipc" },
        { type: "uts" },
        { type: "mount" },
      ],
      maskedPaths: ["/proc/kcore", "/sys/firmware"],
      readonlyPaths: ["/proc/sys"],
    },
  };
}
