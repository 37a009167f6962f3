// What the examples have in common: a root file system of busybox, and a configuration that gives a program little.
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Mount, Spec } from "tsrun";

const programs = [
  "sh",
  "cat",
  "echo",
  "sleep",
  "sort",
  "tail",
  "head",
  "wc",
  "stty",
  "true",
  "false",
  "grep",
];

/** A root file system that is removed when it goes out of scope. */
export async function makeRootfs(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "tsrun-example-"));
  await chmod(path, 0o755); // for the user nobody
  for (const name of ["bin", "dev", "proc", "tmp"]) await mkdir(join(path, name));
  await copyFile("/bin/busybox", join(path, "bin/busybox"));
  for (const name of programs) await symlink("busybox", join(path, "bin", name));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** A program of nobody's, without network, on a root file system that it cannot change. */
export function sandbox(
  rootfs: string,
  args: readonly string[],
  more: { terminal?: boolean; mounts?: readonly Mount[] } = {},
): Spec {
  return {
    ociVersion: "1.2.0",
    root: { path: rootfs, readonly: true },
    process: {
      args: [...args],
      cwd: "/tmp",
      env: ["PATH=/bin", "TERM=xterm"],
      user: { uid: 65534, gid: 65534 },
      noNewPrivileges: true,
      terminal: more.terminal ?? false,
    },
    mounts: [
      {
        destination: "/proc",
        type: "proc",
        source: "proc",
        options: ["nosuid", "nodev", "noexec"],
      },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
      },
      {
        destination: "/tmp",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "nodev", "mode=1777"],
      },
      ...(more.mounts ?? []),
    ],
    linux: {
      namespaces: [
        { type: "pid" },
        { type: "mount" },
        { type: "network" },
        { type: "ipc" },
        { type: "uts" },
      ],
    },
  };
}
