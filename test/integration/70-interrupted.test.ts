// `create` is killed at many moments, from its first instruction to after its end. Whatever is there then,
// `delete --force` must remove: engines do just that after a crash of their own.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { prepare, type Container } from "./support/container.ts";
import { begin } from "./support/parallel.ts";
import { nothing, remainsOf } from "./support/remains.ts";
import { notWith } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

const rounds = Number(process.env.TSRUN_CYCLES ?? 500) / 10;
const patience = 45_000;
const skip =
  notWith("runc", "leaves cgroups of a create that was killed") || notWith("crun", "leaves more");

t.setTimeout(300_000);

t.test("delete --force leaves nothing of a killed create", { skip }, async (t) => {
  const c = container(t);
  const whole = await duration(c);
  for (const share of shares(rounds)) {
    const moment = share * whole * 1.2;
    await interrupt(c, moment);
    t.equal(c.delete("--force").status, 0, `delete after ${moment.toFixed(1)} ms`);
    expectNothing(t, c, `after ${moment.toFixed(1)} ms of ${whole.toFixed(1)}`);
  }
});

t.test("an init whose create was killed ends by itself or can be started", { skip }, async (t) => {
  const c = container(t);
  const whole = await duration(c);
  for (const share of shares(rounds / 2)) {
    await interrupt(c, whole * (0.5 + share / 2));
    const made = c.call(["state", c.id]);
    if (made.status === 0 && JSON.parse(made.stdout).status === "created") {
      t.equal(c.start().status, 0, "a container that says it is created starts");
    } else {
      t.ok(
        until(() => remainsOf(c).processes.length === 0),
        "no process waits for ever",
      );
    }
    c.delete("--force");
    expectNothing(t, c, `at ${share.toFixed(2)}`);
  }
});

t.test("an id is free again after a killed create and delete --force", { skip }, async (t) => {
  const c = container(t);
  const whole = await duration(c);
  for (const share of [0.3, 0.5, 0.7, 0.9]) {
    await interrupt(c, whole * share);
    c.delete("--force");
    t.match(c.create(), { status: 0 });
    t.equal(c.delete("--force").status, 0);
  }
});

t.test(
  "a create that is interrupted by SIGTERM leaves what delete --force removes",
  { skip },
  async (t) => {
    const c = container(t);
    const whole = await duration(c);
    for (const share of [0.2, 0.4, 0.6, 0.8]) {
      await interrupt(c, whole * share, "SIGTERM");
      t.equal(c.delete("--force").status, 0);
      expectNothing(t, c, `SIGTERM at ${share}`);
    }
  },
);

t.test("delete --force while create still runs", { skip }, async (t) => {
  const c = container(t);
  const whole = await duration(c);
  for (const share of [0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1]) {
    const running = begin(["--root", c.root, "create", "--bundle", c.bundle, c.id]);
    await sleep(whole * share);
    t.equal(c.delete("--force").status, 0, `at ${share}`);
    await running.result;
    c.delete("--force"); // create may have won
    expectNothing(t, c, `at ${share}`);
  }
});

t.test("the search for remains finds a container that is there", { skip }, async (t) => {
  const c = container(t);
  c.create();
  const { processes, cgroups, state } = remainsOf(c);
  t.equal(processes.length, 1);
  t.ok(cgroups.length > 0);
  t.strictSame(state, [c.id]);
});

/** Evenly spread moments in an order that covers the whole after any number; a slow machine takes fewer. */
function* shares(count: number): Generator<number> {
  const end = performance.now() + patience;
  for (let number = 0; number < count && performance.now() < end; number += 1) {
    yield (number * 0.618034) % 1;
  }
}

function container(t: Test): Container {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.configure((config) => (config.linux.cgroupsPath = `/${c.id}`));
  return c;
}

/** How long a create takes now, in milliseconds: the longest of three. */
async function duration(c: Container): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < 3; count += 1) {
    const start = performance.now();
    await begin(["--root", c.root, "create", "--bundle", c.bundle, c.id]).result;
    times.push(performance.now() - start);
    c.delete("--force");
  }
  return Math.max(...times);
}

async function interrupt(
  c: Container,
  milliseconds: number,
  signal: NodeJS.Signals = "SIGKILL",
): Promise<void> {
  const { child, result } = begin(["--root", c.root, "create", "--bundle", c.bundle, c.id]);
  await once(child, "spawn");
  await sleep(milliseconds);
  child.kill(signal);
  await result;
}

function expectNothing(t: Test, c: Container, when: string): void {
  until(() => remainsOf(c).processes.length === 0, 2000);
  t.strictSame(remainsOf(c), nothing, `nothing is left ${when}`);
}
