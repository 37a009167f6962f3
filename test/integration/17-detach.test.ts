import { spawn } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import t from "tap";
import { prepare, shell } from "./support/container.ts";
import { execute, kind, runtime } from "./support/runtime.ts";
import { isAlive } from "./support/process.ts";
import { until } from "./support/wait.ts";

t.test("run --detach returns when the program runs, and prints nothing", async (t) => {
  const c = prepare(t, (config) => (config.process.args = shell("echo up; sleep 100")));
  t.match(c.run(["--detach"]), { status: 0, stderr: "" });
  t.equal(c.status(), "running");
  t.ok(until(() => c.stdout() === "up\n"));
});

t.test("-d is short for it, and a detached container that ended stays until delete", async (t) => {
  const c = prepare(t, (config) => (config.process.args = shell("exit 5")));
  t.equal(c.run(["-d"]).status, 0);
  t.ok(c.waitFor("stopped"));
  t.equal(c.delete().status, 0);
});

t.test("the container has the caller's own stdio, without anything in between", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.run(["--detach"]);
  const { pid } = c.state();
  t.equal(readlinkSync(`/proc/${pid}/fd/1`), `${c.bundle}/stdout`);
  t.equal(readlinkSync(`/proc/${pid}/fd/2`), `${c.bundle}/stderr`);
});

t.test(
  "nothing but the container holds the caller's stdout: its end is the container's",
  async (t) => {
    const c = prepare(t, (config) => (config.process.args = shell("echo up; sleep 0.5; echo end")));
    const child = spawn(
      runtime,
      ["--root", c.root, "run", "--detach", "--bundle", c.bundle, c.id],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    await new Promise((resolve) => child.on("close", resolve));
    t.equal(output, "up\nend\n");
    t.ok(c.waitFor("stopped"));
  },
);

t.test("a terminal without a console socket is refused when detached", async (t) => {
  const c = prepare(t, (config) => (config.process.terminal = true));
  for (const { status, stderr } of [c.run(["--detach"]), c.create()]) {
    t.equal(status, 1);
    if (kind !== "crun") {
      t.match(stderr, "cannot allocate tty if runc will detach without setting console socket");
    }
  }
});

t.test("a console socket without a terminal is refused", async (t) => {
  const c = prepare(t);
  const { status, stderr } = c.create(["--console-socket", "/tmp/absent.sock"]);
  if (kind === "crun") return;
  t.equal(status, 1);
  t.match(stderr, "cannot use console socket if runc will not detach or allocate tty");
});

t.test("the runtime's death by its caller does not reach the container", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  const created = execute("/usr/bin/setpriv", [
    "--pdeathsig",
    "KILL",
    runtime,
    "--root",
    c.root,
    "run",
    "--detach",
    "--bundle",
    c.bundle,
    c.id,
  ]);
  t.equal(created.status, 0);
  const { pid } = c.state();
  t.ok(isAlive(pid));
  t.match(readFileSync(`/proc/${pid}/status`, "utf8"), /State:\t[SR]/);
});
