// What the library connects a process with: streams, files, terminals, sockets.
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import t from "tap";
import { openConsoleSocket, openPidfdSocket } from "../../src/index.ts";
import { shell } from "./support/container.ts";
import { bundleFor, rejection, runtime } from "./support/library.ts";
import { onlyTsrun } from "./support/runtime.ts";

t.setTimeout(120_000);
const skip = onlyTsrun("the library");
const terminal = (config: { process: { terminal?: boolean } }): void => {
  config.process.terminal = true;
};

t.test("streams push back in both directions", { skip }, async (t) => {
  const c = bundleFor(t, ["cat"]);
  const sent = Buffer.alloc(4 << 20, "0123456789abcdef");
  await using container = await runtime.create({
    id: c.id,
    bundle: c.bundle,
    stdio: { stdin: "pipe", stdout: "pipe" },
  });
  await container.start();
  const { stdin, stdout } = container;
  t.equal(stdin!.write(sent), false, "the program is told to wait");
  await setTimeout(200);
  t.ok(stdin!.writableLength > 1 << 20, "nobody reads, so the rest stays here");
  stdin!.end();
  t.ok(sent.equals(await buffer(stdout!)));
  t.match(await container.wait(), { exitCode: 0 });
});

t.test("files, descriptors and nothing", { skip }, async (t) => {
  const c = bundleFor(t, shell("cat; echo err >&2"));
  const [input, output, errors] = ["in", "out", "err"].map((name) => join(c.bundle, name));
  writeFileSync(input!, "from a file\n");
  writeFileSync(output!, "there before\n");
  const fd = openSync(errors!, "w");
  const stdio = {
    stdin: { file: input! },
    stdout: { file: output!, append: true },
    stderr: { fd },
  };
  t.match(await runtime.run({ id: c.id, bundle: c.bundle, stdio }), { exitCode: 0 });
  closeSync(fd); // it is still the caller's
  t.equal(readFileSync(output!, "utf8"), "there before\nfrom a file\n");
  t.equal(readFileSync(errors!, "utf8"), "err\n");
  const silent = await runtime.run({ id: c.id, bundle: c.bundle });
  t.match(silent, { exitCode: 0 }, "without stdio: /dev/null");
  const failed = await rejection(
    runtime.run({ id: c.id, bundle: c.bundle, stdio: { stdin: { file: "/absent" } } }),
  );
  t.match(failed, { code: "HOST", errno: "ENOENT" });
});

t.test("a process that closes its input ends the stream with EPIPE", { skip }, async (t) => {
  const c = bundleFor(t, ["true"]);
  await using container = await runtime.create({
    id: c.id,
    bundle: c.bundle,
    stdio: { stdin: "pipe" },
  });
  await container.start();
  await container.wait();
  const failed = new Promise<NodeJS.ErrnoException>((resolve) =>
    container.stdin!.once("error", resolve),
  );
  container.stdin!.write("too late");
  t.equal((await failed).code, "EPIPE");
});

t.test("output is there after the end", { skip }, async (t) => {
  const c = bundleFor(t, ["echo", "said before"]);
  await using container = await runtime.create({
    id: c.id,
    bundle: c.bundle,
    stdio: { stdout: "pipe" },
  });
  await container.start();
  await container.wait();
  t.equal(await text(container.stdout!), "said before\n");
});

t.test("a terminal has a size, keys and a screen", { skip }, async (t) => {
  const c = bundleFor(
    t,
    // The trap ends a read.
    shell("trap 'stty size' WINCH; stty size; until read line; do :; done; echo got $line; exit 9"),
    terminal,
  );
  await using container = await runtime.create({
    id: c.id,
    bundle: c.bundle,
    terminalSize: { rows: 12, columns: 34 },
  });
  await container.start();
  const screen = container.terminal!;
  const seen = watch(screen);
  await seen("12 34");
  screen.resize({ rows: 56, columns: 78 });
  await seen("56 78");
  screen.write("keys\n");
  await seen("got keys");
  t.match(await container.wait(), { exitCode: 9 });
  await ended(screen);
  screen.resize({ rows: 1, columns: 1 }); // nobody is there any more
});

t.test("a terminal that nobody reads does not hold up this process", { skip }, async (t) => {
  const c = bundleFor(t, shell("stty raw -echo; echo ready; sleep 1000"), terminal);
  await using container = await runtime.create({ id: c.id, bundle: c.bundle });
  await container.start();
  const screen = container.terminal!;
  screen.on("error", () => {}); // the keys that are left
  await watch(screen)("ready");
  const before = performance.now();
  t.equal(screen.write(Buffer.alloc(1 << 20, "k")), false);
  t.ok(performance.now() - before < 1000);
  t.ok(screen.writableLength > 0);
  await container.kill("KILL");
  t.match(await container.wait(), { signal: "SIGKILL" });
  await ended(screen);
});

t.test("exec on a terminal", { skip }, async (t) => {
  const c = bundleFor(t, ["sleep", "1000"]);
  await using container = await runtime.create({ id: c.id, bundle: c.bundle });
  await container.start();
  const shown = await container.exec({
    args: shell("stty size; tty"),
    terminal: true,
    terminalSize: { rows: 20, columns: 40 },
  });
  t.match(await text(shown.terminal!), /^20 40\r\n\/dev\//);
  t.match(await shown.wait(), { exitCode: 0 });
});

t.test("a console socket receives terminals, also of the command line", { skip }, async (t) => {
  await using socket = await openConsoleSocket();
  const c = bundleFor(t, shell("echo on the screen"), terminal);
  t.equal(c.create(["--console-socket", socket.path]).status, 0, c.stderr());
  const first = await socket.receive({ terminalSize: { rows: 5, columns: 6 } });
  t.equal(c.start().status, 0);
  t.equal(await text(first), "on the screen\r\n");

  const other = bundleFor(t, shell("stty size"), terminal);
  const { id, bundle } = other;
  await using container = await runtime.create({ id, bundle, consoleSocket: socket.path });
  t.equal(container.terminal, null);
  const second = await socket.receive({ terminalSize: { rows: 7, columns: 8 } });
  await container.start();
  t.equal(await text(second), "7 8\r\n");

  const waiting = rejection(socket.receive({ signal: AbortSignal.timeout(10) }));
  t.match(await waiting, { code: "ABORTED" });
  const left = rejection(socket.receive());
  await socket[Symbol.asyncDispose]();
  t.match(await left, { code: "CONSOLE" });
});

t.test("a pidfd socket receives processes", { skip }, async (t) => {
  await using socket = await openPidfdSocket();
  const c = bundleFor(t, ["sleep", "1000"]);
  await using container = await runtime.create({
    id: c.id,
    bundle: c.bundle,
    pidfdSocket: socket.path,
  });
  const received = await socket.receive();
  t.equal(received.pid, container.pid);
  received.kill("KILL");
  t.match(await received.wait(), { reason: "signaled", signal: "SIGKILL" });
  t.match(await container.wait(), { reason: "signaled", signal: "SIGKILL" });
});

/** Collects what is shown; waits until the wanted text was. */
function watch(stream: Readable): (wanted: string) => Promise<void> {
  let shown = "";
  let look = (): void => {};
  stream.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
    look();
  });
  return (wanted) =>
    new Promise((resolve) => {
      look = () => {
        if (shown.includes(wanted)) resolve();
      };
      look();
    });
}

function ended(stream: Readable): Promise<void> {
  if (stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => stream.once("close", resolve));
}
