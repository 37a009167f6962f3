import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { prepare, shell, type Container } from "./support/container.ts";
import { isAlive } from "./support/process.ts";
import { kind, onlyTsrun } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.setTimeout(300_000);

const counting = shell("i=0; while :; do i=$((i+1)); echo $i > /tmp/count; done");

function running(t: Test): Container {
  const c = prepare(t, (config) => (config.process.args = counting));
  t.match(c.create(), { status: 0 });
  t.match(c.start(), { status: 0 });
  t.ok(until(() => count(c) !== ""));
  return c;
}

function count(c: Container): string {
  const file = join(c.rootfs, "tmp/count");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

const pause = (c: Container) => c.call(["pause", c.id]);
const resume = (c: Container) => c.call(["resume", c.id]);

t.test("pause stops the processes of a container, resume lets them go on", async (t) => {
  const c = running(t);
  t.match(pause(c), { status: 0, stdout: "", stderr: "" });
  t.equal(c.status(), "paused");
  t.match(c.call(["list"]).stdout, new RegExp(`^${c.id} .* paused `, "m"));
  const before = count(c);
  t.equal(cpuTicks(c), cpuTicks(c), "no time of a CPU is used");
  t.equal(count(c), before);
  t.match(resume(c), { status: 0, stdout: "", stderr: "" });
  t.equal(c.status(), "running");
  t.ok(
    until(() => count(c) !== before),
    "it goes on",
  );
});

function cpuTicks(c: Container): string {
  return readFileSync(`/proc/${c.state().pid}/stat`, "utf8").split(" ").slice(13, 15).join(" ");
}

t.test("a created container can be paused, and is created again when it is resumed", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  c.create();
  t.match(pause(c), { status: 0 });
  t.equal(c.status(), "paused");
  const { status, stderr } = c.start();
  t.equal(status, 1);
  if (kind !== "crun") t.match(stderr, "cannot start a container in the paused state");
  t.match(resume(c), { status: 0 });
  t.equal(c.status(), "created");
  t.match(c.start(), { status: 0 });
  t.ok(c.waitFor("stopped"));
});

t.test("what is in the wrong state is refused in runc's words", async (t) => {
  const c = running(t);
  t.match(resume(c), { status: 1, stderr: /container not paused/ });
  pause(c);
  t.match(pause(c), { status: 1, stderr: /container not running/ });
  resume(c);
  c.kill("KILL");
  t.ok(c.waitFor("stopped"));
  t.match(pause(c), { status: 1, stderr: /container not running/ });
  t.match(resume(c), { status: 1, stderr: /container not paused/ });
  for (const command of ["pause", "resume"]) {
    t.match(c.call([command, "none"]), { status: 1, stderr: /container does not exist/ });
  }
});

t.test("a signal reaches a paused container when it is resumed", async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = shell(
      'trap "echo got; exit" USR1; echo up; while :; do sleep 0.05; done',
    );
  });
  c.create();
  c.start();
  t.ok(until(() => c.stdout() === "up\n"));
  pause(c);
  t.match(c.kill("USR1"), { status: 0 });
  t.equal(c.status(), "paused");
  t.equal(c.stdout(), "up\n");
  resume(c);
  t.ok(until(() => c.stdout() === "up\ngot\n"));
});

t.test("KILL ends a paused container, which is stopped then", async (t) => {
  for (const shared of [false, true]) {
    const c = running(t);
    if (shared) {
      c.delete("--force");
      c.configure(({ linux }) => {
        linux.namespaces = linux.namespaces.filter(({ type }) => type !== "pid");
      });
      c.create();
      c.start();
    }
    pause(c);
    const { pid } = c.state();
    t.match(c.kill("KILL"), { status: 0 });
    t.ok(
      until(() => !isAlive(pid)),
      shared ? "with the host's pid namespace" : "with a pid namespace of its own",
    );
    t.ok(c.waitFor("stopped"));
    t.match(c.delete(), { status: 0 });
  }
});

t.test("a paused container is deleted with --force only", async (t) => {
  const c = running(t);
  pause(c);
  const { status, stderr } = c.delete();
  t.equal(status, 1);
  if (kind !== "crun") {
    t.match(stderr, `cannot delete container ${c.id} that is not stopped: paused`);
  }
  const { pid } = c.state();
  t.match(c.delete("--force"), { status: 0, stdout: "", stderr: "" });
  t.ok(until(() => !isAlive(pid)));
  t.match(c.call(["state", c.id]), { status: 1, stderr: /does not exist/ });
});

t.test(
  "of a pause and a kill at once both end, and the container is over",
  {
    skip: onlyTsrun("the lock of a container"),
  },
  async (t) => {
    const { together } = await import("./support/parallel.ts");
    for (let round = 0; round < 5; round++) {
      const c = running(t);
      const ends = await together([
        ["--root", c.root, "pause", c.id],
        ["--root", c.root, "kill", c.id, "KILL"],
      ]);
      t.equal(ends[1]!.status, 0, ends[1]!.stderr);
      t.match(ends[0]!.stderr, /^$|container not running|was thawed while/);
      // A pause that came after the kill, when init was dying, leaves the cgroup frozen.
      t.ok(until(() => ["stopped", "paused"].includes(c.status())));
      t.match(c.delete("--force"), { status: 0 });
    }
  },
);
