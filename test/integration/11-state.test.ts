import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare } from "./support/container.ts";
import { commandLine } from "./support/process.ts";
import { kind, notWith, onlyTsrun, runcBefore } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.test("state of an id that was never there", async (t) => {
  const c = prepare(t);
  const { status, stdout, stderr } = c.call(["state", "absent"]);
  t.equal(status, 1);
  t.equal(stdout, "");
  t.match(stderr, /does not exist|No such file/);
});

t.test("state prints runc's keys in runc's order, without a newline at the end", async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = ["sleep", "100"];
    config.annotations = { "org.example.key": "value" };
  });
  c.create();
  const { status, stdout, stderr } = c.call(["state", c.id]);
  t.equal(status, 0);
  t.equal(stderr, "");
  const state = JSON.parse(stdout) as Record<string, unknown>;
  t.match(state, {
    id: c.id,
    pid: Number,
    status: "created",
    bundle: c.bundle,
    rootfs: c.rootfs,
    created: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/,
    annotations: { "org.example.key": "value" },
    owner: "",
  });
  if (kind === "crun") return;
  t.match(stdout, /^\{\n {2}"ociVersion": "\d/);
  t.match(stdout, /\}$/);
  t.strictSame(Object.keys(state), [
    "ociVersion",
    "id",
    "pid",
    "status",
    "bundle",
    "rootfs",
    "created",
    "annotations",
    "owner",
  ]);
});

t.test(
  "annotations are left out when there are none",
  { skip: notWith("crun", "its own way") },
  async (t) => {
    const c = prepare(t);
    c.create();
    t.notOk("annotations" in c.state());
  },
);

t.test("the status follows the process: created, running, stopped with pid 0", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.create();
  t.equal(c.status(), "created");
  c.start();
  t.equal(c.status(), "running");
  const { pid } = c.state();
  t.equal(commandLine(pid), "sleep 100");
  process.kill(pid, "SIGKILL");
  t.ok(c.waitFor("stopped"));
  t.equal(c.state().pid, 0);
});

t.test("a created container whose init is killed is stopped", async (t) => {
  const c = prepare(t);
  c.create();
  process.kill(c.state().pid, "SIGKILL");
  t.ok(c.waitFor("stopped"));
});

t.test(
  "the state file is not taken on trust",
  { skip: onlyTsrun("doubt about the state file") },
  async (t) => {
    const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
    c.create();
    const { pid } = c.state();
    const file = join(c.root, c.id, "state.json");
    const good = readFileSync(file, "utf8");
    for (const bad of [
      "",
      "{",
      "null",
      "[]",
      "{}",
      good.slice(0, good.length / 2),
      "\0".repeat(100),
    ]) {
      writeFileSync(file, bad);
      for (const command of [["state"], ["start"], ["kill"], ["delete"]]) {
        const { status, stderr } = c.call([...command, c.id]);
        t.equal(status, 1, `${command.join(" ")} with ${JSON.stringify(bad.slice(0, 20))}`);
        t.not(stderr, "");
        t.notMatch(stderr, /TypeError|at .*\.ts:|undefined/);
      }
      t.ok(
        until(() => readFileSync(`/proc/${pid}/stat`, "utf8") !== ""),
        "nothing was killed",
      );
    }
    writeFileSync(file, good);
    t.equal(c.status(), "created");
  },
);

t.test(
  "a process that has the pid now but is another one is not the container's",
  { skip: onlyTsrun("doubt about the state file") },
  async (t) => {
    const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
    c.create();
    c.start();
    const { pid } = c.state();
    const file = join(c.root, c.id, "state.json");
    writeFileSync(file, readFileSync(file, "utf8").replaceAll(String(pid), String(process.pid)));
    t.equal(c.status(), "stopped");
    t.match(c.kill("KILL").stderr, "container not running");
    process.kill(pid, "SIGKILL");
    t.equal(c.delete().status, 0);
  },
);

t.test(
  "ociVersion is the runtime's, not the bundle's",
  { skip: runcBefore("1.1", "") },
  async (t) => {
    const c = prepare(t, (config) => (config.ociVersion = "1.0.0"));
    c.create();
    if (kind !== "crun") t.not(c.state().ociVersion, "1.0.0");
  },
);
