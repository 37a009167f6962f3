import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

import t from "tap";

import {
  LOCK_EX,
  LOCK_NB,
  LOCK_UN,
  O_RDONLY,
  POLLHUP,
  POLLIN,
  POLLOUT,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
} from "../../../src/linux.ts";
import { addon, runShell } from "./support.ts";

t.test("a sealed memfd holds its content and refuses every change", (t) => {
  const fd = addon.sealedMemfd("sealed", Buffer.from("content"), false);
  t.equal(readFileSync(fd, "utf8"), "content");
  t.throws(() => writeSync(fd, "x", 0), { code: "EPERM" });
  t.throws(() => ftruncateSync(fd, 0), { code: "EPERM" });
  t.throws(() => ftruncateSync(fd, 100), { code: "EPERM" });
  t.equal(fstatSync(fd).size, 7);
  closeSync(fd);
  t.end();
});

t.test("a part of a buffer is a content, too", (t) => {
  const fd = addon.sealedMemfd("part", Buffer.from("0123456789").subarray(3, 5), false);
  t.equal(readFileSync(fd, "utf8"), "34");
  closeSync(fd);
  t.throws(() => addon.sealedMemfd("text", "text" as unknown as Uint8Array, false), TypeError);
  t.end();
});

t.test("descriptors of the addon are not inherited", (t) => {
  const fds = [
    ...addon.pipe(),
    ...addon.socketpair(),
    addon.sealedMemfd("x", new Uint8Array(1), true),
  ];
  for (const fd of fds) {
    const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "";
    t.ok(Number.parseInt(flags, 8) & 0o2000000, `descriptor ${fd} is close-on-exec`);
    closeSync(fd);
  }
  t.end();
});

t.test("closeOnExecFrom marks that descriptor and those above it", (t) => {
  const [read, write] = addon.pipe();
  const inherited = openSync("/proc/self/status", "r");
  addon.closeOnExecFrom(read);
  const flags = readFileSync(`/proc/self/fdinfo/${inherited}`, "utf8");
  t.match(flags, /flags:\s+0?2\d{6}\n/);
  for (const fd of [read, write, inherited]) closeSync(fd);
  t.end();
});

t.test("poll tells what each descriptor is ready for", (t) => {
  const [read, write] = addon.pipe();
  t.same(
    addon.poll(
      [
        { fd: read, events: POLLIN },
        { fd: write, events: POLLOUT },
      ],
      0,
    ),
    [0, POLLOUT],
  );
  writeSync(write, "x");
  t.same(addon.poll([{ fd: read, events: POLLIN }], -1), [POLLIN]);
  closeSync(write);
  t.same(addon.poll([{ fd: read, events: POLLIN }], -1), [POLLIN | POLLHUP]);
  closeSync(read);
  t.end();
});

t.test("poll waits as long as it was told to", (t) => {
  const start = performance.now();
  t.same(addon.poll([], 50), []);
  t.ok(performance.now() - start >= 49);
  t.end();
});

t.test("a pipe can be made non-blocking, and blocking again", (t) => {
  const [read, write] = addon.pipe();
  addon.setNonblocking(read, true);
  t.throws(() => readSync(read, Buffer.alloc(1)), { code: "EAGAIN" });
  addon.setNonblocking(read, false);
  writeSync(write, "x");
  t.equal(readSync(read, Buffer.alloc(1)), 1);
  closeSync(read);
  closeSync(write);
  t.end();
});

t.test("openat2 keeps a path below its root", (t) => {
  const root = t.testdir({ etc: { name: "inside" } });
  symlinkSync("/etc/name", join(root, "link"));
  const directory = openSync(root, constants.O_DIRECTORY);
  const fd = addon.openat2(directory, "../../link", O_RDONLY, 0, RESOLVE_IN_ROOT);
  t.equal(readFileSync(fd, "utf8"), "inside");
  closeSync(fd);
  t.throws(() => addon.openat2(directory, "link", O_RDONLY, 0, RESOLVE_NO_SYMLINKS), {
    code: "ELOOP",
    syscall: "openat2",
    message: /'link'/,
  });
  closeSync(directory);
  t.end();
});

t.test("mkfifo makes a fifo, once", (t) => {
  const path = join(t.testdir(), "fifo");
  addon.mkfifo(path, 0o600);
  t.ok(statSync(path).isFIFO());
  t.throws(() => addon.mkfifo(path, 0o600), { code: "EEXIST", syscall: "mkfifo" });
  t.end();
});

t.test("a lock is held by one at a time", (t) => {
  const path = t.testdir();
  const first = openSync(path, "r");
  const second = openSync(path, "r");
  t.equal(addon.flock(first, LOCK_EX | LOCK_NB), true);
  t.equal(addon.flock(second, LOCK_EX | LOCK_NB), false);
  t.equal(addon.flock(first, LOCK_UN), true);
  t.equal(addon.flock(second, LOCK_EX | LOCK_NB), true);
  closeSync(first);
  closeSync(second);
  t.end();
});

t.test("renameNoReplace leaves an existing target alone", (t) => {
  const directory = t.testdir({ from: "new", to: "old" });
  const [from, to, free] = ["from", "to", "free"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  t.equal(addon.renameNoReplace(from, to), false);
  t.equal(readFileSync(to, "utf8"), "old");
  t.equal(addon.renameNoReplace(from, free), true);
  t.equal(readFileSync(free, "utf8"), "new");
  t.throws(() => addon.renameNoReplace(from, join(directory, "other")), {
    code: "ENOENT",
    syscall: "renameat2",
  });
  t.end();
});

t.test("exitNow ends a process with that status, at once", (t) => {
  const directory = t.testdir();
  mkdirSync(join(directory, "d"));
  const script = join(directory, "exit.cjs");
  const addonFile = join(globalThis.tsrunNativeDirectory ?? "", "tsrun.node");
  writeFileSync(
    script,
    `process.on("exit", () => console.log("never")); const m = { exports: {} };
     process.dlopen(m, ${JSON.stringify(addonFile)}); m.exports.exitNow(9);`,
  );
  const { output, exit } = runShell("", { file: process.execPath, argv: ["node", script] });
  t.equal(output, "");
  t.match(exit, { code: 9, signaled: false });
  t.end();
});
