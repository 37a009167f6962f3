// Many containers one after the other: whatever each would leave behind adds up and is found.
import { readdirSync, readFileSync } from "node:fs";
import t, { type Test } from "tap";
import { prepare, type Container } from "./support/container.ts";
import { nothing, remainsOf } from "./support/remains.ts";
import { root } from "./support/container.ts";
import { isAlive } from "./support/process.ts";
import { scratch } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

const cycles = Number(process.env.TSRUN_CYCLES ?? 500);

t.setTimeout(900_000);

t.test("cycles of create, start, kill and delete leave nothing", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "1000"]));
  c.configure((config) => (config.linux.cgroupsPath = `/${c.id}`));
  cycle(t, c); // what the first one makes for all others is no leak: caches, the state root
  const before = { descriptors: readdirSync("/proc/self/fd").length, files: filesBelow(scratch) };
  let done = 0;
  while (done < cycles && cycle(t, c)) done += 1;
  t.equal(done, cycles, "cycles");
  t.strictSame(remainsOf(c), nothing);
  t.equal(readdirSync("/proc/self/fd").length, before.descriptors, "descriptors of the caller");
  t.strictSame(filesBelow(scratch), before.files, "files");
  t.strictSame(readdirSync(root), [], "state root");
});

t.test("cycles of foreground runs leave nothing", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  c.configure((config) => (config.linux.cgroupsPath = `/${c.id}`));
  c.run();
  const before = filesBelow(scratch);
  for (let done = 0; done < cycles / 20; done += 1) {
    if (c.run().status !== 0) t.fail(`run ${done}: ${c.stderr()}`);
  }
  t.strictSame(remainsOf(c), nothing);
  t.strictSame(filesBelow(scratch), before, "files");
});

t.test("cycles of creates that fail leave nothing", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["/bin/absent"]));
  c.configure((config) => (config.linux.cgroupsPath = `/${c.id}`));
  c.create();
  const before = filesBelow(scratch);
  for (let done = 0; done < cycles / 20; done += 1) {
    if (c.create().status === 0) t.fail("it was created");
  }
  t.strictSame(remainsOf(c), nothing);
  t.strictSame(filesBelow(scratch), before, "files");
});

/** One life; the output goes to files that stay the same in number. */
function cycle(t: Test, c: Container): boolean {
  const results = [
    c.create(["--pid-file", c.pidFile]),
    quiet(c, "start"),
    quiet(c, "kill", "KILL"),
  ];
  const pid = Number(readFileSync(c.pidFile, "utf8"));
  until(() => !isAlive(pid));
  results.push(quiet(c, "delete"));
  const failed = results.find(({ status }) => status !== 0);
  if (failed !== undefined) t.fail(`a command failed: ${failed.stderr}`);
  return failed === undefined;
}

function quiet(c: Container, command: string, ...args: string[]) {
  const output = { stdout: `${c.bundle}/out`, stderr: `${c.bundle}/err` };
  return c.call([command, c.id, ...args], { output });
}

/** Paths below a directory, without the output files that the tests themselves number. */
function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((path) => !/^std(out|err)\.\d+$/.test(path))
    .sort();
}
