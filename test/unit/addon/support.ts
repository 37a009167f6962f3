// What the tests of the addon share: the built addon, and children that are simple to ask.
import { closeSync, readSync } from "node:fs";

import { native, type SpawnOptions } from "../../../src/native.ts";

globalThis.tsrunNativeDirectory ??= new URL("../../../build/Release", import.meta.url).pathname;

export const addon = native();
export const asRoot = process.getuid?.() === 0 ? false : "needs root";

const nothing: Omit<SpawnOptions, "file" | "argv"> = {
  env: ["PATH=/usr/bin:/bin"],
  fds: [-1, -1, -1],
  cloneFlags: 0,
  cgroupFd: -1,
};

/** All that can be read from a descriptor, which is closed. */
export function readAll(fd: number): string {
  const buffer = Buffer.alloc(65536);
  let text = "";
  for (;;) {
    const length = readSync(fd, buffer);
    if (length === 0) break;
    text += buffer.toString("utf8", 0, length);
  }
  closeSync(fd);
  return text;
}

/** Spawns a shell and waits for it; what it printed and how it ended. */
export function runShell(script: string, options: Partial<SpawnOptions> = {}) {
  const [read, write] = addon.pipe();
  const { pid, pidfd } = addon.spawn({
    ...nothing,
    file: "/bin/sh",
    argv: ["sh", "-c", script],
    fds: [-1, write, write],
    ...options,
  });
  closeSync(write);
  const output = readAll(read);
  const exit = addon.waitPidfd(pidfd, false);
  closeSync(pidfd);
  return { pid, output, exit };
}

/** Spawns a program that sleeps until it is killed. */
export function spawnSleeper(options: Partial<SpawnOptions> = {}) {
  return addon.spawn({ ...nothing, file: "/bin/sleep", argv: ["sleep", "100"], ...options });
}
