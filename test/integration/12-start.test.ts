import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare } from "./support/container.ts";
import { kind, notWith } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.test("start of an id that does not exist", async (t) => {
  const { status, stderr } = prepare(t).start();
  t.equal(status, 1);
  t.match(stderr, /does not exist/);
});

t.test("start runs the program once and removes the fifo", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.create();
  t.match(c.start(), { status: 0, stdout: "", stderr: "" });
  t.notOk(existsSync(join(c.root, c.id, "exec.fifo")));
  const second = c.start();
  t.equal(second.status, 1);
  if (kind !== "crun") t.match(second.stderr, "cannot start an already running container");
});

t.test("start of a stopped container is refused", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  c.create();
  c.start();
  c.waitFor("stopped");
  const { status, stderr } = c.start();
  t.equal(status, 1);
  if (kind !== "crun") t.match(stderr, "cannot start a container that has stopped");
});

t.test("start of a created container whose init was killed is refused", async (t) => {
  const c = prepare(t);
  c.create();
  process.kill(c.state().pid, "SIGKILL");
  c.waitFor("stopped");
  const { status, stderr } = c.start();
  t.equal(status, 1);
  t.not(stderr, "");
});

t.test(
  "a program that cannot be executed after all: start returns 0, the process says why",
  { skip: notWith("crun", "its own way") },
  async (t) => {
    const c = prepare(t, (config) => (config.process.args = ["/bin/script"]));
    writeFileSync(join(c.rootfs, "bin/script"), "#!/nowhere/interpreter\n");
    chmodSync(join(c.rootfs, "bin/script"), 0o755);
    t.equal(c.create().status, 0);
    t.equal(c.start().status, 0);
    t.ok(c.waitFor("stopped"));
    t.ok(until(() => c.stderr() !== ""));
    t.match(c.stderr(), "exec /bin/script: no such file or directory");
  },
);
