// What a process that uses the library is left with: its loop goes on, nothing is left behind, and it ends when it should.
// TSRUN_CYCLES=10000 for as many containers.
import { readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { join } from "node:path";
import t from "tap";
import { TsrunError } from "../../src/index.ts";
import { root } from "./support/container.ts";
import { bundleFor, openDescriptors, runtime, zombies } from "./support/library.ts";
import { cgroupsNamed } from "./support/remains.ts";
import { execute, onlyTsrun } from "./support/runtime.ts";

const cycles = Number(process.env.TSRUN_CYCLES ?? 100);
const source = join(import.meta.dirname, "../../src/index.ts");

t.setTimeout(3_600_000);
const skip = onlyTsrun("the library");

t.test("many containers leave no zombie, descriptor, state or cgroup", { skip }, async (t) => {
  const c = bundleFor(t, ["sleep", "1000"], (config) => delete config.linux.cgroupsPath);
  // As many at once as later, so that all workers are there.
  await Promise.all(Array.from({ length: 16 }, (_, index) => live(c.bundle, `${c.id}-w${index}`)));
  const before = openDescriptors();
  let next = 0;
  const take = async (): Promise<void> => {
    while (next < cycles) await live(c.bundle, `${c.id}-${next++}`);
  };
  await Promise.all([take(), take(), take(), take()]);
  t.strictSame(zombies(), []);
  t.equal(openDescriptors(), before);
  t.strictSame(readdirSync(root), []);
  t.strictSame(cgroupsNamed(`${c.id}-0`), []);
});

t.test("in whatever order the verbs come, nothing is left", { skip }, async (t) => {
  const c = bundleFor(t, ["sleep", "1000"], (config) => delete config.linux.cgroupsPath);
  const before = openDescriptors();
  const orders = Array.from({ length: 12 }, (_, index) =>
    disturb(c.bundle, `${c.id}-${index}`, index),
  );
  await Promise.all(orders);
  t.strictSame(zombies(), []);
  t.strictSame(readdirSync(root), []);
  t.ok(await settles(() => openDescriptors() <= before), "descriptors");
});

t.test("the loop goes on while 16 containers are made", { skip }, async (t) => {
  const c = bundleFor(t, ["sleep", "1000"], (config) => delete config.linux.cgroupsPath);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const ids = Array.from({ length: 16 }, (_, index) => `${c.id}-${index}`);
  await Promise.all(ids.map((id) => live(c.bundle, id)));
  delay.disable();
  const ms = (nanoseconds: number): string => (nanoseconds / 1e6).toFixed(2);
  t.comment(
    `loop delay beyond the timer's own: median ${ms(delay.percentile(50) - 1e6)} ms, ` +
      `99 % ${ms(delay.percentile(99) - 1e6)} ms, most ${ms(delay.max - 1e6)} ms`,
  );
  // On a machine with other work the scheduler alone takes longer than any call of ours may.
  t.ok(delay.percentile(50) < 50e6);
});

t.test("a container does not keep the process, waiting for it does", { skip }, async (t) => {
  const c = bundleFor(t, ["sleep", "0.5"]);
  const program = (end: string): string[] => [
    "--input-type=module-typescript",
    "-e",
    `import { Runtime } from ${JSON.stringify(source)};
     const container = await Runtime.open({ root: ${JSON.stringify(root)} }).create({ id: ${JSON.stringify(c.id)}, bundle: ${JSON.stringify(c.bundle)} });
     await container.start();
     ${end}
     console.log("done");`,
  ];
  const gone = execute(process.execPath, program(""));
  t.match(gone, { status: 0, stdout: "done\n", stderr: "" });
  t.equal(c.delete("--force").status, 0);
  const stayed = execute(
    process.execPath,
    program("console.log((await container.wait()).exitCode);"),
  );
  t.match(stayed, { status: 0, stdout: "0\ndone\n", stderr: "" });
  t.equal(c.delete().status, 0);
});

async function live(bundle: string, id: string): Promise<void> {
  const container = await runtime.create({ id, bundle, stdio: { stdout: "pipe" } });
  await container.start();
  await container.kill("KILL");
  await container.wait();
  await container.delete();
}

/** Verbs at the same time and in an order of their own; what they are refused with does not matter here. */
async function disturb(bundle: string, id: string, seed: number): Promise<void> {
  const control = new AbortController();
  const options = { signal: control.signal };
  const quietly = (promise: Promise<unknown>): Promise<unknown> =>
    promise.catch((error: unknown) => {
      if (!(error instanceof TsrunError)) throw error;
    });
  const made = runtime.create({ id, bundle, stdio: { stdin: "pipe", stdout: "pipe" } });
  const container = await made;
  const verbs = [
    () => container.start(options),
    () => container.exec({ args: ["sleep", "1000"], stdio: { stdout: "pipe" }, ...options }),
    () => container.wait(options),
    () => container.kill("KILL", options),
    () => container.delete({ force: true }),
    () => container.exec({ args: ["true"], ...options }),
    () => container.pause(options),
  ];
  const turned = verbs.map((_, index) => verbs[(index * ((seed % 3) + 2) + seed) % verbs.length]!);
  const all = turned.map((verb) => quietly(verb()));
  await setTimeout(seed * 3);
  control.abort();
  await quietly(container.delete({ force: true }));
  await Promise.all(all);
  await quietly(container.delete({ force: true }));
}

async function settles(condition: () => boolean): Promise<boolean> {
  for (let i = 0; i < 500 && !condition(); i += 1) await setTimeout(20);
  return condition();
}
