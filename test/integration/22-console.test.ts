import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { onTerminal, receiver } from "./support/console.ts";
import { prepare, shell, type Container } from "./support/container.ts";
import { addProbe } from "./support/probe.ts";
import { execute, notWith, runcBefore, runtime } from "./support/runtime.ts";

t.test("the console socket gets one terminal with a short payload, then its end", async (t) => {
  const c = prepare(t, (config) => {
    config.process.terminal = true;
    config.process.args = shell("tty; read line; echo got $line; exit 3");
  });
  const console = receiver(c);
  t.teardown(console.close);
  t.match(c.create(["--console-socket", console.path]), { status: 0, stdout: "", stderr: "" });
  t.match(await console.shows("end"), /^payload [1-9]\d{0,3} fds 1 terminal 1 end 1\n/);
  t.equal(c.start().status, 0);
  t.match(await console.shows("pts"), "/dev/pts/0");
  console.type("hello\n");
  t.match(await console.shows("got hello"), "hello\r\ngot hello\r\n", "echo, and CR LF");
  t.ok(c.waitFor("stopped"));
});

t.test("consoleSize, /dev/console, the session and the owner of the terminal", async (t) => {
  const c = prepare(t, (config) => {
    config.process.terminal = true;
    config.process.consoleSize = { height: 11, width: 77 };
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.args = shell(
      "probe size; stat -c 'console %t:%T' /dev/console; stat -c 'owner %u' /dev/pts/0; echo x > /dev/tty && echo controlling; sleep 100",
    );
  });
  addProbe(c);
  const console = receiver(c);
  t.teardown(console.close);
  t.match(c.run(["--detach", "--console-socket", console.path]), { status: 0 });
  const shown = await console.shows("controlling");
  t.match(shown, "11 77");
  t.match(shown, "console 88:0");
  t.match(shown, "owner 1000");
  t.match(shown, "x\r\ncontrolling");
  t.match(readlinkSync(`/proc/${c.state().pid}/fd/0`), /^\/dev\/(pts\/0|console)$/);
});

t.test("resizing the terminal reaches the container", async (t) => {
  const c = prepare(t, (config) => {
    config.process.terminal = true;
    config.process.args = shell("trap 'probe size' WINCH; echo up; while :; do sleep 0.02; done");
  });
  addProbe(c);
  const terminal = onTerminal(20, 60, runInTerminal(c));
  t.match(await terminal.shows("up"), "up");
  terminal.resize("33 99");
  t.match(await terminal.shows("33 99"), "33 99");
  t.equal(c.kill("KILL").status, 0);
  t.equal(await terminal.end, 137);
});

t.test(
  "a foreground run in a terminal: raw, sized like it, keys are the container's",
  async (t) => {
    const c = prepare(t, (config) => {
      config.process.terminal = true;
      config.process.args = shell(
        "probe size; trap 'echo INT; exit 6' INT; echo up; while :; do sleep 0.02; done",
      );
    });
    addProbe(c);
    const terminal = onTerminal(20, 60, runInTerminal(c));
    t.match(await terminal.shows("up"), /20 60\r\nup\r\n$/);
    terminal.type("\x03");
    t.equal(await terminal.end, 6);
    t.match(terminal.output(), "^C", "the container's terminal echoes it");
    t.match(terminal.output(), "INT");
  },
);

t.test("the caller's terminal is as it was afterwards", async (t) => {
  const c = prepare(t, (config) => {
    config.process.terminal = true;
    config.process.args = ["true"];
  });
  const command = runInTerminal(c).join(" ");
  const script = `stty -a > ${c.bundle}/before; ${command}; stty -a > ${c.bundle}/after`;
  t.equal(await onTerminal(20, 60, ["sh", "-c", script]).end, 0);
  const before = readFileSync(join(c.bundle, "before"), "utf8");
  t.match(before, "icanon");
  t.equal(readFileSync(join(c.bundle, "after"), "utf8"), before);
});

t.test("output that does not go to the caller's terminal has plain newlines", async (t) => {
  const c = prepare(t, (config) => {
    config.process.terminal = true;
    config.process.args = ["echo", "line"];
  });
  const script = `${runInTerminal(c).join(" ")} > ${c.bundle}/out`;
  t.equal(await onTerminal(20, 60, ["sh", "-c", script]).end, 0);
  t.equal(readFileSync(join(c.bundle, "out"), "utf8"), "line\n");
});

t.test("a terminal in the foreground without a terminal outside is an error", async (t) => {
  const c = prepare(t, (config) => (config.process.terminal = true));
  const { status, stderr } = execute("/usr/bin/setsid", [
    "-w",
    runtime,
    "--root",
    c.root,
    "run",
    "--bundle",
    c.bundle,
    c.id,
  ]);
  t.not(status, 0);
  t.not(stderr, "");
});

t.test(
  "--pidfd-socket gets a pidfd of the container's init",
  {
    skip:
      runcBefore("1.2", "no --pidfd-socket") ||
      notWith("crun", "an annotation instead of --pidfd-socket"),
  },
  async (t) => {
    const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
    const socket = receiver(c);
    t.teardown(socket.close);
    t.match(c.create(["--pidfd-socket", socket.path]), { status: 0 });
    t.match(await socket.shows("end"), /^payload 8 fds 1 terminal 0 end 1\n/);
  },
);

function runInTerminal(c: Container): string[] {
  return [runtime, "--root", c.root, "run", "--bundle", c.bundle, c.id];
}
