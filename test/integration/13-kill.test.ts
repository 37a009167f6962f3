import t from "tap";
import { prepare, shell, type Container } from "./support/container.ts";
import type { Config } from "./support/bundle.ts";
import { isAlive } from "./support/process.ts";
import { kind, notWith } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

const trap =
  'for s in HUP INT USR1 USR2 TERM; do trap "echo $s" $s; done; echo up; while :; do sleep 0.05; done';

function running(t: Parameters<typeof prepare>[0], edit?: (config: Config) => void): Container {
  const c = prepare(t, edit ?? ((config) => (config.process.args = shell(trap))));
  c.create();
  c.start();
  return c;
}

t.test("kill of an id that does not exist", async (t) => {
  const { status, stderr } = prepare(t).kill();
  t.equal(status, 1);
  t.match(stderr, /does not exist/);
});

t.test("kill sends TERM, or a signal by number, name, SIGname in any case", async (t) => {
  const c = running(t);
  t.ok(until(() => c.stdout() === "up\n"));
  const sent: [string[], string][] = [
    [[], "TERM"],
    [["HUP"], "HUP"],
    [["SIGUSR1"], "USR1"],
    [["12"], "USR2"],
    ...(kind === "crun" ? [] : ([[["sigint"], "INT"]] as [string[], string][])),
  ];
  let expected = "up\n";
  for (const [args, name] of sent) {
    t.match(c.kill(...args), { status: 0, stdout: "", stderr: "" });
    expected += `${name}\n`;
    t.ok(
      until(() => c.stdout() === expected),
      name,
    );
  }
  t.equal(c.status(), "running");
});

t.test("signal 0 only looks", async (t) => {
  const c = running(t);
  t.equal(c.kill("0").status, 0);
  t.equal(c.status(), "running");
});

t.test("an unknown signal is refused", async (t) => {
  const c = running(t);
  const { status, stderr } = c.kill("FROB");
  t.equal(status, 1);
  if (kind !== "crun") t.match(stderr, /unknown signal \\?"FROB\\?"/);
});

t.test("KILL ends the container", async (t) => {
  const c = running(t);
  t.equal(c.kill("KILL").status, 0);
  t.ok(c.waitFor("stopped"));
});

t.test("a created container can be killed", async (t) => {
  const c = prepare(t);
  c.create();
  t.equal(c.kill("KILL").status, 0);
  t.ok(c.waitFor("stopped"));
});

t.test("kill of a stopped container says so, --all is silent", async (t) => {
  const c = running(t, (config) => (config.process.args = ["true"]));
  c.waitFor("stopped");
  for (const signal of ["TERM", "KILL", "0"]) {
    const { status, stderr } = c.kill(signal);
    t.equal(status, 1, signal);
    if (kind !== "crun") t.match(stderr, "container not running");
  }
  if (kind === "crun") return;
  for (const flag of ["--all", "-a"]) {
    t.match(c.call(["kill", flag, c.id, "9"]), { status: 0, stdout: "", stderr: "" });
  }
  t.match(c.call(["kill", c.id, "KILL", "--all"]), { status: 0 });
});

t.test(
  "kill --all reaches every process of the container",
  { skip: notWith("crun", "its own way") },
  async (t) => {
    const c = running(t, (config) => (config.process.args = shell("sleep 1000 & sleep 1001")));
    const { pid } = c.state();
    t.equal(c.call(["kill", "--all", c.id, "KILL"]).status, 0);
    t.ok(c.waitFor("stopped"));
    t.notOk(isAlive(pid));
  },
);

t.test("a created container can be ended by the signals that end programs", async (t) => {
  for (const signal of ["TERM", "INT", "HUP"]) {
    const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
    t.equal(c.create().status, 0);
    t.equal(c.kill(signal).status, 0);
    t.ok(c.waitFor("stopped"), signal);
  }
});
