// The smallest memory limit with which a runtime runs /bin/true: test/bench/smallest-memory.ts [RUNTIME...]
// Needs root and the memory controller on a unified cgroup v2, as the lab has them. Prints a table.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { baseConfig, makeRootfs } from "../integration/support/bundle.ts";
import { writeConfig } from "../integration/support/container.ts";

const KiB = 1024;
/** Limits are told apart to this many bytes. */
const step = 32 * KiB;
const highest = 64 * 1024 * KiB;
/** A limit works when it works every time. */
const rounds = 3;

const built = join(import.meta.dirname, "../../dist/tsrun");
const runtimes = process.argv.length > 2 ? process.argv.slice(2) : [built, "runc", "crun"];
const scratch = mkdtempSync(join(tmpdir(), "tsrun-memory-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

const bundle = join(scratch, "bundle");
mkdirSync(join(bundle, "rootfs"), { recursive: true });
makeRootfs(join(bundle, "rootfs"));

console.log("| runtime | smallest memory.max | |");
console.log("| --- | --- | --- |");
for (const runtime of runtimes) {
  const limit = smallest(runtime);
  const text = limit === undefined ? "none up to 64 MiB" : `${limit / KiB} KiB`;
  console.log(`| ${basename(runtime)} | ${text} | ${version(runtime)} |`);
}

function smallest(runtime: string): number | undefined {
  if (!works(runtime, highest)) return undefined;
  let [fails, holds] = [0, highest];
  while (holds - fails > step) {
    const middle = Math.floor((fails + holds) / 2 / step) * step;
    if (works(runtime, middle)) holds = middle;
    else fails = middle;
  }
  return holds;
}

function works(runtime: string, limit: number): boolean {
  for (let round = 0; round < rounds; round++) if (!runsTrue(runtime, limit)) return false;
  return true;
}

function runsTrue(runtime: string, limit: number): boolean {
  const id = `memory-${process.pid}`;
  const config = baseConfig();
  config.process.args = ["/bin/true"];
  config.linux.cgroupsPath = `/tests/${id}`;
  config.linux.resources = { memory: { limit, swap: limit } };
  writeConfig(bundle, config);
  const call = (...args: string[]): number | null =>
    spawnSync(runtime, ["--root", join(scratch, "root"), ...args], {
      stdio: "ignore",
      timeout: 60_000,
      killSignal: "SIGKILL",
    }).status;
  const status = call("run", "--bundle", bundle, id);
  if (status !== 0) call("delete", "--force", id);
  return status === 0;
}

function version(runtime: string): string {
  const { stdout } = spawnSync(runtime, ["--version"], { encoding: "utf8" });
  return stdout.split("\n")[0]!.trim();
}
