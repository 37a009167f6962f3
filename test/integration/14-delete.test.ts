import { existsSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare } from "./support/container.ts";
import { isAlive } from "./support/process.ts";
import { kind } from "./support/runtime.ts";

t.test("delete of an id that does not exist fails, --force is silent", async (t) => {
  const c = prepare(t);
  const { status, stderr } = c.delete();
  t.equal(status, 1);
  t.match(stderr, /does not exist/);
  if (kind === "crun") return;
  t.match(c.delete("--force"), { status: 0, stdout: "", stderr: "" });
  t.match(c.delete("-f"), { status: 0, stdout: "", stderr: "" });
});

t.test("a stopped container is removed", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  c.create();
  c.start();
  c.waitFor("stopped");
  t.match(c.delete(), { status: 0, stdout: "", stderr: "" });
  t.notOk(existsSync(join(c.root, c.id)));
  t.match(c.call(["state", c.id]).stderr, /does not exist/);
});

t.test("a running container is refused and untouched", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.create();
  c.start();
  const { status, stderr } = c.delete();
  t.equal(status, 1);
  if (kind !== "crun") {
    t.match(stderr, `cannot delete container ${c.id} that is not stopped: running`);
  }
  t.equal(c.status(), "running");
});

t.test("--force kills a running container", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.create();
  c.start();
  const { pid } = c.state();
  t.match(c.delete("--force"), { status: 0, stdout: "", stderr: "" });
  t.notOk(isAlive(pid));
  t.notOk(existsSync(join(c.root, c.id)));
});

t.test("a created container is killed and removed without --force", async (t) => {
  const c = prepare(t);
  c.create();
  const { pid } = c.state();
  t.match(c.delete(), { status: kind === "crun" ? Number : 0 });
  if (kind === "crun") return;
  t.notOk(isAlive(pid));
  t.notOk(existsSync(join(c.root, c.id)));
});

t.test("an id can be used again after delete", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  for (let i = 0; i < 3; i += 1) {
    t.equal(c.create().status, 0);
    t.equal(c.delete("--force").status, 0);
  }
  t.strictSame(
    readdirSync(c.root).filter((name) => name === c.id),
    [],
  );
});

t.test("the bundle may be gone by then", async (t) => {
  const c = prepare(t);
  c.create();
  renameSync(c.bundle, `${c.bundle}.moved`);
  t.equal(c.delete("--force").status, 0);
  renameSync(`${c.bundle}.moved`, c.bundle);
});
