import t from "tap";

import { type Op } from "../../../src/plan/wire.ts";
import { isRoot, runInit } from "./run-init.ts";

const CLONE_NEWTIME = 0x80;
const CLONE_NEWNS = 0x20000;
const CLONE_NEWUTS = 0x4000000;
const CLONE_NEWUSER = 0x10000000;
const CLONE_NEWPID = 0x20000000;
const CAP_CHOWN = 0n;
const CAP_KILL = 5n;
const CAP_NET_RAW = 13n;
const PER_LINUX32 = 8;
const SECCOMP_FILTER_FLAG_NEW_LISTENER = 8;

const skip = isRoot ? false : "needs root";

const sh = (script: string): Op => ({
  op: "exec",
  args: ["/bin/busybox", "sh", "-c", script],
  env: ["PATH=/bin"],
});
const masks = (...capabilities: bigint[]): bigint =>
  capabilities.reduce((mask, bit) => mask | (1n << bit), 0n);

t.test("user, groups and capabilities are exactly those of the plan", { skip }, async (t) => {
  const [few, more] = [masks(CAP_CHOWN, CAP_KILL), masks(CAP_CHOWN, CAP_KILL, CAP_NET_RAW)];
  const { output, messages } = runInit([
    { op: "no_new_privs" },
    { op: "cap_bounding", keep: more },
    { op: "keep_caps", on: 1 },
    { op: "set_groups", groups: new Uint8Array(Uint32Array.from([7, 8]).buffer) },
    { op: "set_user", uid: 1234, gid: 5678 },
    { op: "keep_caps", on: 0 },
    { op: "capset", effective: few, permitted: more, inheritable: few },
    { op: "cap_ambient", set: few },
    sh("grep -E '^(Uid|Gid|Groups|Cap|NoNew)' /proc/self/status"),
  ]);
  t.strictSame(messages, []);
  t.match(output, /^Uid:\t1234\t1234\t1234\t1234\nGid:\t5678\t5678\t5678\t5678\nGroups:\t7 8/);
  const hex = (mask: bigint) => mask.toString(16).padStart(16, "0");
  t.match(output, `CapInh:\t${hex(few)}\nCapPrm:\t${hex(few)}\nCapEff:\t${hex(few)}\n`);
  t.match(output, `CapBnd:\t${hex(more)}\nCapAmb:\t${hex(few)}\nNoNewPrivs:\t1`);
});

t.test("the ids that mean 'leave as it is' are refused", { skip }, async (t) => {
  for (const [uid, gid] of [
    [0xffff_ffff, 0],
    [0, 0xffff_ffff],
    [0x1_0000_0000, 0],
  ] as const) {
    t.match(runInit([{ op: "set_user", uid, gid }, sh("id")]).messages, [
      { kind: "fail", errno: 22 },
    ]);
  }
});

t.test("the working directory is made when it is missing", { skip }, async (t) => {
  const path = `${t.testdir()}/a/b`;
  const { output } = runInit([
    { op: "chdir", path, create: 1, uid: 3, gid: 4 },
    sh("pwd; busybox stat -c %u:%g . .."),
  ]);
  t.equal(output, `${path}\n3:4\n0:0\n`);
  const { messages } = runInit([{ op: "chdir", path: `${path}/c`, create: 0, uid: 0, gid: 0 }]);
  t.match(messages, [{ kind: "fail", errno: 2, text: `chdir ${path}/c` }]);
});

t.test(
  "a working directory that may not be entered yet is left to a second chdir",
  { skip },
  async (t) => {
    const path = t.testdir({ private: {} });
    const enter = (create: number): Op => ({
      op: "chdir",
      path: `${path}/private`,
      create,
      uid: 0,
      gid: 0,
    });
    const before: Op = { op: "set_user", uid: 1000, gid: 1000 };
    const make: Op = { op: "chdir", path: `${path}/private/in`, create: 1, uid: 0, gid: 0 };
    const lock = ["/bin/busybox", "chmod", "700", `${path}/private`];
    t.equal(runInit([make, { op: "exec", args: lock, env: [] }]).exit, 0);
    t.strictSame(runInit([before, enter(2)]).messages, []);
    t.match(runInit([before, enter(0)]).messages, [{ kind: "fail", errno: 13 }]);
  },
);

t.test("a working directory outside of the root is refused", { skip }, async (t) => {
  const path = t.testdir();
  const { messages } = runInit([
    { op: "open_path", path, slot: 1 },
    { op: "open_path", path: "/proc", slot: 0 },
    { op: "chroot", root: 0 },
    // The first descriptor that init opens is 3.
    { op: "chdir", path: "/self/fd/3", create: 0, uid: 0, gid: 0 },
  ]);
  t.match(messages, [
    { kind: "fail", op: 3, value: 1, text: /^current working directory is outside of container/ },
  ]);
});

/** struct sock_filter: loads the number, and compares. */
function filterOf(number: number, action: number): Uint8Array {
  const instructions = [
    [0x20, 0, 0, 0],
    [0x15, 0, 1, number],
    [0x06, 0, 0, action],
    [0x06, 0, 0, 0x7fff0000],
  ];
  const bytes = Buffer.alloc(8 * instructions.length);
  for (const [index, [code = 0, yes = 0, no = 0, value = 0]] of instructions.entries()) {
    bytes.writeUInt16LE(code, 8 * index);
    bytes.writeUInt8(yes, 8 * index + 2);
    bytes.writeUInt8(no, 8 * index + 3);
    bytes.writeUInt32LE(value, 8 * index + 4);
  }
  return bytes;
}
const mkdir = process.arch === "arm64" ? 34 : 83;

t.test("a seccomp filter holds for the program", async (t) => {
  const filter = filterOf(mkdir, 0x50000 | 95);
  const { output, messages } = runInit([
    { op: "no_new_privs" },
    { op: "seccomp", filter, flags: 0, notify: 0 },
    { op: "ready" },
    sh("busybox mkdir /tmp/never"),
  ]);
  t.match(messages, [{ kind: "ready" }]);
  t.match(output, /mkdir: can't create directory '\/tmp\/never'/);
});

t.test("the notify descriptor of seccomp goes to the runtime", async (t) => {
  const filter = filterOf(mkdir, 0x50000);
  const flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  const { messages } = runInit([
    { op: "no_new_privs" },
    { op: "seccomp", filter, flags, notify: 1 },
    { op: "ready" },
  ]);
  t.match(messages, [{ kind: "listener", op: 1, fd: true }, { kind: "ready" }]);
});

t.test(
  "after seccomp nothing is needed but read, write, close, execve and exit_group",
  async (t) => {
    // Everything else kills.
    const allowed = process.arch === "arm64" ? [63, 64, 57, 221, 94] : [0, 1, 3, 59, 231];
    const bytes = Buffer.alloc(8 * (allowed.length + 3));
    const put = (at: number, code: number, yes: number, no: number, value: number): void => {
      bytes.writeUInt16LE(code, 8 * at);
      bytes.writeUInt8(yes, 8 * at + 2);
      bytes.writeUInt8(no, 8 * at + 3);
      bytes.writeUInt32LE(value, 8 * at + 4);
    };
    put(0, 0x20, 0, 0, 0);
    for (const [index, number] of allowed.entries())
      put(1 + index, 0x15, allowed.length - index, 0, number);
    put(1 + allowed.length, 0x06, 0, 0, 0x80000000);
    put(2 + allowed.length, 0x06, 0, 0, 0x7fff0000);
    const { messages, output, exit } = runInit(
      [
        { op: "keep_fds", slots: new Uint8Array() },
        { op: "umask", mask: 0o22 },
        { op: "no_new_privs" },
        { op: "seccomp", filter: bytes, flags: 0, notify: 0 },
        { op: "ready" },
        { op: "wait_start", slot: 0 },
        { op: "exec", args: ["/no/such/program"], env: [] },
      ],
      { handed: ["pipe"] },
    );
    t.match(messages.at(-1), { kind: "ready" });
    t.equal(output, "exec /no/such/program: no such file or directory\n");
    t.equal(exit, 255);
  },
);

t.test("what a process hands on over exec", { skip }, async (t) => {
  const attr = new DataView(new ArrayBuffer(48));
  attr.setUint32(0, 48, true);
  attr.setInt32(16, 7, true);
  const { output, messages } = runInit([
    { op: "write_proc_self", file: "oom_score_adj", text: "321" },
    { op: "rlimit", resource: 7, soft: 77, hard: 99 },
    { op: "scheduler", attr: new Uint8Array(attr.buffer) },
    { op: "io_priority", value: (2 << 13) | 6 },
    { op: "memory_policy", mode: 0, nodes: new Uint8Array(), maxNode: 0 },
    { op: "personality", persona: PER_LINUX32 },
    { op: "session_keyring", name: "_ses.test", mask: 0xffff_ffff, permission: 0x80000 },
    sh(
      "cat /proc/self/oom_score_adj; ulimit -Sn; ulimit -Hn; busybox awk '{ print $19 }' /proc/$$/stat; busybox ionice -p $$; busybox uname -m; grep -c _ses.test /proc/keys",
    ),
  ]);
  t.strictSame(messages, []);
  t.match(output, /^321\n77\n99\n7\nbest-effort: prio 6\n(i686|armv8l)\n1\n$/);
});

t.test("without root's rights init may still write to its own /proc/self", { skip }, async (t) => {
  const { output, messages } = runInit(
    [
      { op: "write_proc_self", file: "oom_score_adj", text: "500" },
      sh("cat /proc/self/oom_score_adj; id -u"),
    ],
    { env: { DRIVER_UID: "1000" } },
  );
  t.strictSame(messages, []);
  t.equal(output, "500\n1000\n");
});

t.test("standard input, output and error", { skip }, async (t) => {
  const { output } = runInit([
    { op: "stdio_owner", uid: 44 },
    { op: "null_stdio" },
    sh("busybox stat -L -c '%u %t:%T' /proc/self/fd/0 /proc/self/fd/2"),
  ]);
  t.match(output, /^0 1:3\n44 0:0\n$/, "the pipe changes its owner, /dev/null does not");
});

t.test(
  "a new user namespace: maps from the runtime, root in it, and a second stage",
  { skip },
  async (t) => {
    const { output, messages, exit } = runInit([
      { op: "unshare", flags: CLONE_NEWUSER },
      { op: "dumpable", on: 1 },
      { op: "sync", point: 1 },
      { op: "become_root", clearGroups: 1 },
      { op: "unshare", flags: CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWTIME },
      { op: "write_proc_self", file: "timens_offsets", text: "monotonic 1000000 0\n" },
      { op: "dumpable", on: 0 },
      { op: "fork" },
      { op: "setsid" },
      { op: "hostname", name: "inner" },
      { op: "domainname", name: "domain" },
      sh(
        "echo $$; busybox hostname; cat /proc/sys/kernel/domainname; id -u; id -G; grep -v 2147483647 /proc/self/uid_map; grep monotonic /proc/self/timens_offsets",
      ),
    ]);
    t.match(messages, [{ kind: "sync", value: 1 }, { kind: "pid" }]);
    t.match(output, /^1\ninner\ndomain\n0\n0\n\s+0\s+100000\s+65536\nmonotonic\s+1000000\s+0\n$/);
    t.equal(exit, 0);
  },
);

t.test("namespaces are joined, those of another type are not", { skip }, async (t) => {
  const join = (flags: number, file: string) =>
    runInit([{ op: "setns", slot: 0, flags }, sh("echo joined")], {
      handed: [file],
      cloneFlags: CLONE_NEWUTS,
    });
  t.equal(join(CLONE_NEWUTS, "/proc/self/ns/uts").output, "joined\n");
  t.match(join(CLONE_NEWUTS, "/proc/self/ns/ipc").messages, [
    { kind: "fail", errno: 22, text: "setns" },
  ]);
});

t.test("the sanitizers find nothing in a run", { skip }, async (t) => {
  const { output, exit } = runInit(
    [
      { op: "open_path", path: "/", slot: 0 },
      { op: "target", root: 0, path: "/tmp/../etc/./passwd", like: 4095, mode: 0, slot: 1 },
      { op: "find_program", file: "busybox", search: "/nowhere:/bin" },
      { op: "hostname", name: "x" },
      sh("echo ran"),
    ],
    { sanitized: true, cloneFlags: CLONE_NEWUTS },
  );
  t.equal(output, "ran\n");
  t.equal(exit, 0);
});
