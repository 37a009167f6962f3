import { spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Container } from "./container.ts";
import { compileFixture } from "./probe.ts";

/** Puts test/fixtures/attacker.c into the container's /bin. */
export function addAttacker({ rootfs }: Pick<Container, "rootfs">): void {
  copyFileSync(compileFixture("attacker"), join(rootfs, "bin/attacker"));
}

/** Exchanges what two paths name, again and again, while the work is done. */
export function whileSwapping(a: string, b: string, work: () => void): void {
  const stop = startSwapping(a, b);
  try {
    work();
  } finally {
    stop();
  }
}

/** Exchanges what two paths name until the function returned is called. */
export function startSwapping(a: string, b: string): () => void {
  const child = spawn(compileFixture("attacker"), ["swap", a, b], { stdio: "inherit" });
  return () => void child.kill("SIGKILL");
}

/** A directory beside the rootfs that no container has anything to do with. */
export type Outside = {
  readonly path: string;
  /** Names, types, modes, owners and contents of all that is in it, and what is mounted on it. */
  look(): string[];
};

/** Makes one with a directory, a file, and a file that pretends to be a device. */
export function makeOutside({ bundle }: Pick<Container, "bundle">): Outside {
  const path = join(bundle, "outside");
  mkdirSync(join(path, "directory"), { recursive: true });
  writeFileSync(join(path, "file"), "of the host\n");
  writeFileSync(join(path, "null"), "of the host\n");
  writeFileSync(join(path, "directory/inner"), "of the host\n");
  chmodSync(path, 0o700);
  return { path, look: () => [...lookBelow(path, "."), ...mountsOn(path)] };
}

function lookBelow(root: string, name: string): string[] {
  const path = join(root, name);
  const facts = lstatSync(path);
  const words = [name, facts.mode.toString(8), facts.uid, facts.gid, facts.rdev];
  if (!facts.isDirectory()) {
    return [[...words, facts.isFile() ? readFileSync(path, "utf8") : ""].join(" ")];
  }
  const inner = readdirSync(path).sort();
  return [words.join(" "), ...inner.flatMap((entry) => lookBelow(root, join(name, entry)))];
}

function mountsOn(path: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(path));
}
