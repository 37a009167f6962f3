import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import t, { type Test } from "tap";

import { createSleeper, prepare } from "./support/container.ts";
import { kind, onlyTsrun, scratch } from "./support/runtime.ts";

const mounted = / - resctrl /.test(readFileSync("/proc/self/mountinfo", "utf8"));
const root = "/sys/fs/resctrl";
const needsIt = !mounted && "needs a machine with resctrl mounted";

t.test(
  "without resctrl what asks for it is an error that names the field",
  { skip: mounted && "resctrl is mounted" },
  async (t) => {
    const c = prepare(t, (config) => (config.linux.intelRdt = { closID: "gold" }));
    const { status, stderr } = c.create();
    t.equal(status, 1);
    if (kind === "crun") return;
    t.match(stderr, kind === "tsrun" ? "/linux/intelRdt at " : /intelrdt/i);
    if (kind === "tsrun") t.match(stderr, "Intel RDT is not supported or enabled");
    t.equal(c.call(["state", c.id]).status, 1, "nothing is left");
  },
);

t.test("a container in a class of its own that goes with it", { skip: needsIt }, async (t) => {
  const c = createSleeper(t, (config) => (config.linux.intelRdt = { enableMonitoring: true }));
  const tasks = (path: string) => readFileSync(`${root}/${path}/tasks`, "utf8").trim().split("\n");
  t.strictSame(tasks(`${c.id}/mon_groups/${c.id}`), [String(c.state().pid)]);
  c.start();
  t.equal(c.call(["exec", c.id, "true"]).status, 0);
  t.equal(c.delete("--force").status, 0);
  t.notOk(existsSync(`${root}/${c.id}`));
});

t.test("a class that was there takes the container in, and stays", { skip: needsIt }, async (t) => {
  const c = createSleeper(t, (config) => (config.linux.intelRdt = { closID: "/" }));
  t.match(readFileSync(`${root}/tasks`, "utf8"), new RegExp(`^${c.state().pid}$`, "m"));
  t.equal(c.delete("--force").status, 0);
  t.ok(existsSync(root));
});

/** A container that is said to be in a class, which is a directory that stands for resctrl. */
function inClass(t: Test, made: boolean) {
  const c = createSleeper(t);
  const fake = join(scratch, `resctrl-${c.id}`);
  const path = join(fake, "gold");
  mkdirSync(join(fake, "info/L3"), { recursive: true });
  mkdirSync(path);
  for (const name of ["tasks", "schemata"]) writeFileSync(join(path, name), "");
  const file = join(c.root, c.id, "state.json");
  const state = JSON.parse(readFileSync(file, "utf8")) as object;
  writeFileSync(file, JSON.stringify({ ...state, resctrl: { root: fake, path, made } }));
  c.start();
  return { c, path };
}

t.test(
  "exec enters the class of the container, update changes it",
  { skip: onlyTsrun("state.json") },
  async (t) => {
    const { c, path } = inClass(t, false);
    const written = (name: string) => readFileSync(join(path, name), "utf8");
    const { stdout, status, stderr } = c.call(["exec", "--pid-file", c.pidFile, c.id, "true"]);
    t.equal(status, 0, stdout + stderr);
    t.equal(written("tasks"), readFileSync(c.pidFile, "utf8"));
    t.equal(c.call(["update", "--l3-cache-schema", "L3:0=f", c.id]).status, 0);
    t.equal(written("schemata"), "L3:0=f\n");
    t.match(c.call(["update", "--mem-bw-schema", "MB:0=50", c.id]), {
      status: 1,
      stderr: /memory bandwidth schema is not enabled/,
    });
    t.equal(c.delete("--force").status, 0);
    t.ok(existsSync(path), "a class of others stays");
  },
);

t.test(
  "a class that cannot be removed keeps the container to be deleted again",
  { skip: onlyTsrun("state.json") },
  async (t) => {
    const { c, path } = inClass(t, true);
    t.match(c.delete("--force"), {
      status: 1,
      stderr: /unable to remove container's IntelRDT group/,
    });
    t.equal(c.status(), "stopped");
    rmSync(path, { recursive: true });
    t.equal(c.delete().status, 0);
  },
);
