import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";

import t from "tap";

import { addon, runShell } from "./support.ts";

t.test("a message arrives whole, with its descriptors", (t) => {
  const [ours, theirs] = addon.socketpair();
  const file = openSync(import.meta.filename, "r");
  addon.sendMessage(ours, Buffer.from("hello"), [file, file]);
  addon.sendMessage(ours, Buffer.from("again"), []);
  const message = addon.receiveMessage(theirs, 100, -1);
  t.equal(Buffer.from(message?.data ?? []).toString(), "hello");
  t.equal(message?.fds.length, 2);
  for (const fd of message?.fds ?? []) t.notOk([file, ours, theirs].includes(fd));
  t.equal(readFileSync(message?.fds[0] ?? -1, "utf8"), readFileSync(import.meta.filename, "utf8"));
  t.match(addon.receiveMessage(theirs, 100, 1000), { fds: [] });
  for (const fd of [ours, theirs, file, ...(message?.fds ?? [])]) closeSync(fd);
  t.end();
});

t.test("nothing within the time is undefined, the end of the stream is null", (t) => {
  const [ours, theirs] = addon.socketpair();
  t.equal(addon.receiveMessage(ours, 100, 10), undefined);
  closeSync(theirs);
  t.equal(addon.receiveMessage(ours, 100, 10), null);
  t.equal(addon.receiveMessage(ours, 100, -1), null);
  closeSync(ours);
  t.end();
});

t.test("a peer that died with something unread is the end of the stream", (t) => {
  const [ours, theirs] = addon.socketpair();
  addon.sendMessage(ours, Buffer.from("unread"), []);
  closeSync(theirs);
  t.equal(addon.receiveMessage(ours, 100, 1000), null);
  t.throws(() => addon.sendMessage(ours, Buffer.from("x"), []), {
    code: "EPIPE",
    syscall: "sendmsg",
  });
  closeSync(ours);
  t.end();
});

t.test("a message longer than expected is an error, not a part", (t) => {
  const [ours, theirs] = addon.socketpair();
  addon.sendMessage(ours, Buffer.from("too long"), []);
  t.throws(() => addon.receiveMessage(theirs, 3, -1), { code: "EMSGSIZE" });
  closeSync(ours);
  closeSync(theirs);
  t.end();
});

t.test("a child can be talked to over descriptor 3", (t) => {
  const [ours, theirs] = addon.socketpair();
  runShell("echo from the child >&3", { fds: [-1, -1, -1, theirs] });
  closeSync(theirs);
  const message = addon.receiveMessage(ours, 100, 5000);
  t.equal(Buffer.from(message?.data ?? []).toString(), "from the child\n");
  closeSync(ours);
  t.end();
});

for (const { what, name } of [
  { what: "a path", name: "socket" },
  { what: "a path longer than an address", name: `${"long/".repeat(25)}socket` },
]) {
  t.test(`connectUnix takes ${what}`, async (t) => {
    const directory = t.testdir({ long: {} });
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    const server = createServer();
    // By a short name, which an address can hold.
    const home = process.cwd();
    process.chdir(dirname(path));
    await new Promise<void>((resolve) => server.listen("socket", resolve));
    process.chdir(home);
    const accepted = new Promise((resolve) => server.once("connection", resolve));
    const fd = addon.connectUnix(path);
    t.ok(await accepted);
    closeSync(fd);
    server.close();
  });
}

t.test("a socket that nobody made is an error with its path", (t) => {
  const path = join(t.testdir(), "none");
  t.throws(() => addon.connectUnix(path), { code: "ENOENT", syscall: "connect", message: path });
  t.end();
});

for (const { what, name } of [
  { what: "a path", name: "socket" },
  { what: "a path longer than an address", name: `${"long/".repeat(25)}socket` },
]) {
  t.test(`datagrams go to ${what}, where everyone may send them`, async (t) => {
    const path = join(t.testdir(), name);
    mkdirSync(dirname(path), { recursive: true });
    const receiver = addon.bindDatagram(path);
    t.equal(statSync(path).mode & 0o777, 0o777);
    const sender = addon.connectDatagram(path);
    addon.sendMessage(sender, Buffer.from("READY=1"), []);
    const message = addon.receiveMessage(receiver, 100, 5000);
    t.equal(Buffer.from(message?.data ?? []).toString(), "READY=1");
    closeSync(sender);
    closeSync(receiver);
    t.throws(() => addon.bindDatagram(path), { code: "EADDRINUSE", syscall: "bind" });
  });
}

// The receiver is python's, as no other function here binds such a name.
t.test("datagrams go to a name in the abstract namespace", async (t) => {
  const name = `tsrun-addon-${process.pid}`;
  const script = `import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\\0${name}")
os.write(1, b"bound")
os.write(1, s.recv(100))`;
  const python = spawn("python3", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = python.stdout[Symbol.asyncIterator]();
  // One write of a few bytes to a pipe arrives as one chunk.
  await lines.next();
  const sender = addon.connectDatagram(`@${name}`);
  addon.sendMessage(sender, Buffer.from("READY=1"), []);
  closeSync(sender);
  const line = await lines.next();
  t.equal(String(line.value), "READY=1");
  t.throws(() => addon.connectDatagram(`@${name}-none`), { code: "ECONNREFUSED" });
});
