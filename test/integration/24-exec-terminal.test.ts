import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { shell } from "./support/container.ts";
import { onTerminal, receiver } from "./support/console.ts";
import { type Running, runContainer } from "./support/exec.ts";
import { addProbe } from "./support/probe.ts";
import { isAlive } from "./support/process.ts";
import { execute, notWith, runcBefore, runtime } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

const command = (c: Running, flags: readonly string[], words: readonly string[]): string[] => [
  runtime,
  "--root",
  c.root,
  "exec",
  ...flags,
  c.id,
  ...words,
];

t.test(
  "--tty: a terminal of the container, sized like the caller's, that keys go to",
  async (t) => {
    const c = runContainer(t, () => {}, addProbe);
    const script =
      "tty; probe size; trap 'echo INT; exit 6' INT; echo up; while :; do sleep 0.02; done";
    const terminal = onTerminal(20, 60, command(c, ["--tty"], shell(script)));
    t.match(await terminal.shows("up"), /\/dev\/pts\/\d+\r\n20 60\r\nup\r\n/);
    terminal.type("\x03");
    t.equal(await terminal.end, 6);
    t.match(terminal.output(), "^C");
    t.match(terminal.output(), "INT");
    t.equal(c.status(), "running");
  },
);

t.test("resizing the caller's terminal reaches the process", async (t) => {
  const c = runContainer(t, () => {}, addProbe);
  const script = "trap 'probe size' WINCH; echo up; while :; do sleep 0.02; done";
  const terminal = onTerminal(20, 60, command(c, ["-t"], shell(script)));
  await terminal.shows("up");
  terminal.resize("33 99");
  t.match(await terminal.shows("33 99"), "33 99");
  t.equal(c.kill("KILL").status, 0);
  t.equal(await terminal.end, 137, "it ends with its container");
});

t.test("the caller's terminal is as it was afterwards", async (t) => {
  const c = runContainer(t);
  const words = command(c, ["-t"], ["true"]).join(" ");
  const script = `stty -a > ${c.bundle}/before; ${words}; stty -a > ${c.bundle}/after`;
  t.equal(await onTerminal(20, 60, ["sh", "-c", script]).end, 0);
  const before = readFileSync(join(c.bundle, "before"), "utf8");
  t.match(before, "icanon");
  t.equal(readFileSync(join(c.bundle, "after"), "utf8"), before);
});

t.test("output that does not go to the caller's terminal has plain newlines", async (t) => {
  const c = runContainer(t);
  const words = command(c, ["-t"], ["ls", "/proc/self/fd/0"]).join(" ");
  t.equal(await onTerminal(20, 60, ["sh", "-c", `${words} > ${c.bundle}/out`]).end, 0);
  t.equal(readFileSync(join(c.bundle, "out"), "utf8"), "/proc/self/fd/0\n");
});

t.test("the terminal belongs to the user of the process, and controls it", async (t) => {
  const c = runContainer(t);
  const script = "stat -c 'owner %u' $(tty); echo x > /dev/tty && echo controlling";
  const terminal = onTerminal(20, 60, command(c, ["-t", "-u", "1000:1000"], shell(script)));
  t.equal(await terminal.end, 0);
  t.match(terminal.output(), /owner 1000\r\nx\r\ncontrolling\r\n/);
});

t.test("without --tty there is no terminal, whatever the container has", async (t) => {
  const c = runContainer(t);
  t.match(c.exec(shell("tty; test -t 1 || echo none")).stdout, "not a tty\nnone\n");
});

t.test("--tty in the foreground without a terminal outside is an error", async (t) => {
  const c = runContainer(t);
  const { status, stderr } = execute("/usr/bin/setsid", ["-w", ...command(c, ["-t"], ["true"])]);
  t.not(status, 0);
  t.not(stderr, "");
});

t.test("a terminal and a console socket go together with --detach only", async (t) => {
  const c = runContainer(t);
  t.match(c.exec(["true"], ["--tty", "--detach"]), {
    status: 255,
    stderr: /cannot allocate tty if runc will detach without setting console socket/,
  });
  for (const flags of [[], ["--detach"], ["--tty"]]) {
    t.match(c.exec(["true"], [...flags, "--console-socket", "/absent"]), {
      status: 255,
      stderr: /cannot use console socket if runc will not detach or allocate tty/,
    });
  }
});

t.test("the console socket gets the terminal of a detached process", async (t) => {
  const c = runContainer(t, () => {}, addProbe);
  const console = receiver(c);
  t.teardown(console.close);
  const pidFile = join(c.bundle, "exec.pid");
  const flags = ["-d", "-t", "--console-socket", console.path, "--pid-file", pidFile];
  t.match(c.exec(shell("tty; read line; echo got $line"), flags), {
    status: 0,
    stdout: "",
    stderr: "",
  });
  t.match(await console.shows("pts"), /^payload [1-9]\d{0,3} fds 1 terminal 1 end 1\n/);
  console.type("hello\n");
  t.match(await console.shows("got hello"), "hello\r\ngot hello\r\n", "echo, and CR LF");
  const pid = Number(readFileSync(pidFile, "utf8"));
  t.ok(until(() => !isAlive(pid)));
});

t.test("consoleSize of --process is the size before the program runs", async (t) => {
  const c = runContainer(t, () => {}, addProbe);
  const console = receiver(c);
  t.teardown(console.close);
  const file = join(c.bundle, "process.json");
  const wanted = {
    terminal: true,
    consoleSize: { height: 11, width: 77 },
    args: ["/bin/probe", "size"],
    cwd: "/",
  };
  writeFileSync(file, JSON.stringify(wanted));
  t.match(c.exec([], ["-p", file, "-d", "--console-socket", console.path]), { status: 0 });
  t.match(await console.shows("11 77"), "11 77");
});

t.test("a console socket on which nobody listens", async (t) => {
  const c = runContainer(t);
  const flags = ["-d", "-t", "--console-socket", join(c.bundle, "absent")];
  t.match(c.exec(["true"], flags), { status: 255, stderr: /absent.*no such file or directory/ });
});

t.test(
  "--pidfd-socket gets a pidfd of the process",
  {
    skip: runcBefore("1.2", "no --pidfd-socket") || notWith("crun", "no --pidfd-socket"),
  },
  async (t) => {
    const c = runContainer(t);
    const socket = receiver(c);
    t.teardown(socket.close);
    t.match(c.exec(["true"], ["--pidfd-socket", socket.path]), { status: 0 });
    t.match(await socket.shows("end"), /^payload 5 fds 1 terminal 0 end 1\n/);
  },
);
