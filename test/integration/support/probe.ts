import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "./container.ts";

const source = join(import.meta.dirname, "../../fixtures/probe.c");
const target = join(import.meta.dirname, "../../../build/test/probe");

/** The compiled test/fixtures/probe.c: a static program for terminals, sockets and single system calls. */
export function probe(): string {
  if (existsSync(target) && statSync(target).mtimeMs >= statSync(source).mtimeMs) return target;
  mkdirSync(join(target, ".."), { recursive: true });
  const temporary = `${target}.${process.pid}`;
  const made = spawnSync("cc", ["-static", "-O1", "-o", temporary, source], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`cc ${source}: ${made.error?.message ?? made.stderr}`);
  renameSync(temporary, target);
  return target;
}

/** Puts the probe into the container's /bin. */
export function addProbe({ rootfs }: Pick<Container, "rootfs">): void {
  copyFileSync(probe(), join(rootfs, "bin/probe"));
}
