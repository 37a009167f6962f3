import { spawn, type ChildProcess } from "node:child_process";
import t from "tap";
import { prepare, shell, type Container } from "./support/container.ts";
import { runtime } from "./support/runtime.ts";

const trap = (signals: string) =>
  shell(
    `for s in ${signals}; do trap "echo $s" $s; done; trap 'echo TERM; exit 9' TERM; echo up; while :; do sleep 0.02; done`,
  );

type Foreground = { child: ChildProcess; output: () => string; end: Promise<number | null> };

function foreground(c: Container): Foreground {
  const child = spawn(runtime, ["--root", c.root, "run", "--bundle", c.bundle, c.id], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const end = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { child, output: () => text, end };
}

async function eventually(condition: () => boolean): Promise<boolean> {
  for (let i = 0; i < 500; i += 1) {
    if (condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

t.test("a foreground run passes signals on to the container and survives them", async (t) => {
  const signals = ["HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "CONT"];
  const c = prepare(t, (config) => (config.process.args = trap(signals.join(" "))));
  const { child, output, end } = foreground(c);
  t.ok(await eventually(() => output() === "up\n"));
  let expected = "up\n";
  for (const name of signals) {
    child.kill(`SIG${name}` as NodeJS.Signals);
    expected += `${name}\n`;
    t.ok(await eventually(() => output() === expected), name);
  }
  child.kill("SIGTERM");
  t.equal(await end, 9, "the exit status is the program's");
});

t.test("a signal that ends the program ends run with 128 and its number", async (t) => {
  const c = prepare(t, (config) => (config.process.args = shell("echo up; exec sleep 100")));
  const { output, end } = foreground(c);
  t.ok(await eventually(() => output() === "up\n"));
  process.kill(c.state().pid, "SIGKILL");
  t.equal(await end, 137);
  t.match(c.call(["state", c.id]).stderr, /does not exist/);
});

t.test("kill of a foreground container by another command", async (t) => {
  const c = prepare(t, (config) => (config.process.args = shell("echo up; exec sleep 100")));
  const { output, end } = foreground(c);
  t.ok(await eventually(() => output() === "up\n"));
  t.equal(c.kill("KILL").status, 0);
  t.equal(await end, 137);
});
