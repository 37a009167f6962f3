import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { begin, type Running } from "./support/parallel.ts";
import { type Container, prepare, shell } from "./support/container.ts";
import { addProbe, probe } from "./support/probe.ts";
import { isAlive } from "./support/process.ts";
import { runcBefore } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.setTimeout(120_000);

const barrier = { skip: runcBefore("1.2", "has no barrier") };

// what a service says when it is ready, after other words that are its own business
const readyAfterGate = shell(
  "until test -e /gate; do sleep 0.05; done; probe notify STATUS=begins; echo $NOTIFY_SOCKET; " +
    "probe notify 'READY=1\nSTATUS=works'; exec sleep 1000",
);

t.test("start waits until the container is ready, and tells with its pid", barrier, async (t) => {
  const { container: c, manager } = service(t, readyAfterGate);
  t.equal(c.create([], { env: manager.env }).status, 0, c.stderr());
  const starting = begin(["--root", c.root, "start", c.id], manager.env);
  opensGate(t, c, { starting, manager });
  t.match(await starting.result, { status: 0, stdout: "", stderr: "" });
  t.equal(c.stdout(), "/run/notify/notify.sock\n");
  t.same(manager.messages(), ["READY=1", `MAINPID=${c.state().pid}`, "BARRIER=1"]);
});

t.test("run --detach waits too", barrier, async (t) => {
  const { container: c, manager } = service(t, readyAfterGate);
  const running = begin(["--root", c.root, "run", "-d", "-b", c.bundle, c.id], manager.env);
  opensGate(t, c, { starting: running, manager });
  t.match(await running.result, { status: 0, stderr: "" });
  t.same(manager.messages(), ["READY=1", `MAINPID=${c.state().pid}`, "BARRIER=1"]);
});

t.test(
  "a foreground run tells its own pid: it is what ends with the container",
  barrier,
  async (t) => {
    const { container: c, manager } = service(t, readyAfterGate);
    const running = begin(["--root", c.root, "run", "-b", c.bundle, c.id], manager.env);
    opensGate(t, c, { starting: running, manager });
    t.same(manager.messages(), ["READY=1", `MAINPID=${running.child.pid}`, "BARRIER=1"]);
    t.equal(c.kill("KILL").status, 0);
    t.match(await running.result, { status: 137 });
  },
);

t.test("a container that ends before it is ready ends the waiting", async (t) => {
  const { container: c, manager } = service(t, shell("exit 3"));
  t.equal(c.create([], { env: manager.env }).status, 0, c.stderr());
  t.equal(c.start({ env: manager.env }).status, 0);
  t.ok(c.waitFor("stopped"));
  t.same(manager.messages(), []);
});

t.test("without NOTIFY_SOCKET the container gets none, and nothing waits", async (t) => {
  const c = prepare(t, (config) => (config.process.args = shell("ls /run; echo .$NOTIFY_SOCKET.")));
  t.equal(c.run().status, 0);
  t.equal(c.stdout(), "..\n");
});

/** A bundle whose program can send messages, and the socket on which a service manager waits for them. */
function service(t: Test, args: string[]) {
  const container = prepare(t, (config) => (config.process.args = args));
  addProbe(container);
  const socket = join(container.bundle, "manager.sock");
  const output = join(container.bundle, "messages");
  const file = openSync(output, "a");
  const child = spawn(probe(), ["notified", socket], { stdio: ["ignore", file, "inherit"] });
  closeSync(file);
  t.teardown(() => child.kill("SIGKILL"));
  if (!until(() => existsSync(socket))) throw new Error("nobody listens");
  const env = { PATH: process.env.PATH ?? "", NOTIFY_SOCKET: socket };
  const messages = () => readFileSync(output, "utf8").split("\n").filter(Boolean);
  return { container, manager: { env, messages } };
}

type Waiting = { readonly starting: Running; readonly manager: { messages(): string[] } };

/** Lets the container say that it is ready, which nobody has passed on before. */
function opensGate(t: Test, c: Container, { starting, manager }: Waiting): void {
  t.ok(until(() => c.call(["state", c.id]).stdout.includes('"status": "running"')));
  t.same(manager.messages(), []);
  t.ok(isAlive(starting.child.pid!), "the runtime waits");
  writeFileSync(join(c.rootfs, "gate"), "");
  t.ok(until(() => manager.messages().at(-1) === "BARRIER=1"));
}
