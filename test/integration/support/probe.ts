import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "./container.ts";

const fixtures = join(import.meta.dirname, "../../fixtures");
const built = join(import.meta.dirname, "../../../build/test");

/** The compiled test/fixtures/probe.c: a static program for terminals, sockets and single system calls. */
export function probe(): string {
  return compileFixture("probe");
}

/** Compiles a program of test/fixtures when it is older than its source; returns its path. */
export function compileFixture(name: string, options: readonly string[] = []): string {
  const [source, target] = [join(fixtures, `${name}.c`), join(built, name)];
  if (existsSync(target) && statSync(target).mtimeMs >= statSync(source).mtimeMs) return target;
  mkdirSync(built, { recursive: true });
  const temporary = `${target}.${process.pid}`;
  const words = ["-static", "-O1", "-o", temporary, source, ...options];
  const made = spawnSync("cc", words, { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`cc ${source}: ${made.error?.message ?? made.stderr}`);
  renameSync(temporary, target);
  return target;
}

/** Puts the probe into the container's /bin. */
export function addProbe({ rootfs }: Pick<Container, "rootfs">): void {
  copyFileSync(probe(), join(rootfs, "bin/probe"));
}
