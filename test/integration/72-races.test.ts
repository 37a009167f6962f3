import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare, shell } from "./support/container.ts";
import { begin, together } from "./support/parallel.ts";
import { nothing, remainsOf } from "./support/remains.ts";
import { kind, notWith, type Result } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.setTimeout(120_000);

const ownLocking = notWith("runc", "has no locks") || notWith("crun", "has no locks");

t.test(
  "of six creates of one id one wins, and its container is whole",
  { skip: ownLocking },
  async (t) => {
    for (let round = 0; round < 4; round += 1) {
      const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
      const create = ["--root", c.root, "create", "--bundle", c.bundle, c.id];
      const results = await together(repeat(6, create));
      t.equal(winners(results).length, 1, "one winner");
      for (const { stderr } of results.filter(({ status }) => status !== 0)) {
        t.match(stderr, "container with given ID already exists");
      }
      t.equal(c.status(), "created");
      t.equal(c.start().status, 0);
      t.equal(c.status(), "running");
      t.equal(c.delete("--force").status, 0);
      t.strictSame(remainsOf(c), nothing);
    }
  },
);

t.test("of three starts one wins, and the program runs once", { skip: ownLocking }, async (t) => {
  for (let round = 0; round < 4; round += 1) {
    const c = prepare(t, (config) => (config.process.args = shell("echo once; sleep 100")));
    c.create();
    const results = await together(repeat(3, ["--root", c.root, "start", c.id]));
    t.equal(winners(results).length, 1, "one winner");
    for (const { stderr } of results.filter(({ status }) => status !== 0)) {
      t.match(stderr, "cannot start an already running container");
    }
    t.ok(until(() => c.stdout() !== ""));
    t.equal(c.stdout(), "once\n");
  }
});

t.test("deletes with --force at the same time all succeed", { skip: ownLocking }, async (t) => {
  for (let round = 0; round < 4; round += 1) {
    const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
    c.create();
    if (round % 2 === 0) c.start();
    const results = await together(repeat(4, ["--root", c.root, "delete", "--force", c.id]));
    t.strictSame(
      results.map(({ status, stderr }) => ({ status, stderr })),
      repeat(4, { status: 0, stderr: "" }),
    );
    t.strictSame(remainsOf(c), nothing);
  }
});

t.test(
  "of deletes of a stopped container one wins, the others find none",
  { skip: ownLocking },
  async (t) => {
    const c = prepare(t, (config) => (config.process.args = ["true"]));
    c.create();
    c.start();
    c.waitFor("stopped");
    const results = await together(repeat(4, ["--root", c.root, "delete", c.id]));
    t.equal(winners(results).length, 1, "one winner");
    for (const { stderr } of results.filter(({ status }) => status !== 0)) {
      t.match(stderr, "container does not exist");
    }
  },
);

t.test(
  "start and delete --force at the same time end without a container",
  { skip: ownLocking },
  async (t) => {
    for (let round = 0; round < 4; round += 1) {
      const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
      c.create();
      const [, deleted] = await together([
        ["--root", c.root, "start", c.id],
        ["--root", c.root, "delete", "--force", c.id],
      ]);
      t.match(deleted, { status: 0 });
      t.strictSame(remainsOf(c), nothing);
    }
  },
);

t.test("containers of different ids are made at the same time", async (t) => {
  const all = Array.from({ length: 6 }, () =>
    prepare(t, (config) => (config.process.args = ["sleep", "100"])),
  );
  const results = await together(
    all.map((c) => ["--root", c.root, "create", "--bundle", c.bundle, c.id]),
  );
  t.equal(winners(results).length, 6);
  for (const c of all) t.equal(c.status(), "created");
  const pids = new Set(all.map((c) => c.state().pid));
  t.equal(pids.size, 6);
});

t.test("state while a container is made tells of none or of a whole one", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  const { child, result } = begin(["--root", c.root, "create", "--bundle", c.bundle, c.id]);
  while (child.exitCode === null && child.signalCode === null) {
    const state = c.call(["state", c.id]);
    if (state.status === 0) t.match(JSON.parse(state.stdout), { id: c.id });
    else if (kind !== "crun") t.match(state.stderr, "container does not exist");
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.match(await result, { status: 0 });
  t.strictSame(
    listed(c.call(["list", "--quiet"])),
    existsSync(join(c.root, c.id)) ? readdirSync(c.root).sort() : [],
  );
});

function repeat<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

function winners(results: readonly Result[]): Result[] {
  return results.filter(({ status }) => status === 0);
}

function listed({ stdout }: Result): string[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .sort();
}
