import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

import t from "tap";

import {
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUTS,
} from "../../../src/linux.ts";
import { addon, asRoot, readAll, runShell, spawnSleeper } from "./support.ts";

t.test("the exit status of a child is what it exits with", (t) => {
  const { pid, exit } = runShell("exit 7");
  t.match(exit, { pid, code: 7, signaled: false });
  t.end();
});

t.test("the times that a child took are told in milliseconds", (t) => {
  const { exit } = runShell("i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done");
  t.ok(exit!.userMs > 0);
  t.ok(exit!.userMs + exit!.systemMs < 60_000);
  t.end();
});

t.test("a child that a signal ends says which", (t) => {
  const { pid, exit } = runShell("kill -TERM $$");
  t.match(exit, { pid, code: 15, signaled: true });
  t.end();
});

t.test("arguments and environment are exactly those given", (t) => {
  const { output } = runShell(
    'echo "$0 $1"; env -0 | tr "\\0" "\\n" | sort | grep -v "^_=\\|^PWD="',
    {
      argv: ["sh", "-c", 'echo "$0 $1"; cat /proc/$$/environ', "zero", "one two"],
      env: ["A=1", "PATH=/bin"],
    },
  );
  t.equal(output, "zero one two\nA=1\0PATH=/bin\0");
  t.end();
});

t.test("descriptor i of the child is fds[i], and there are no others", (t) => {
  const [read, write] = addon.pipe();
  const stray = openSync("/dev/zero", "r");
  const { pid, pidfd } = spawnSleeper({ fds: [-1, write, write, -1, stray] });
  t.same(readdirSync(`/proc/${pid}/fd`), ["1", "2", "4"]);
  t.equal(readlinkSync(`/proc/${pid}/fd/4`), "/dev/zero");
  addon.pidfdSendSignal(pidfd, 9);
  addon.waitPidfd(pidfd, false);
  for (const fd of [read, write, stray, pidfd]) closeSync(fd);
  t.end();
});

t.test("descriptors may change places", (t) => {
  const zero = openSync("/dev/zero", "r");
  const full = openSync("/dev/full", "r");
  const fds = [-1, -1, -1, ...Array.from({ length: Math.max(zero, full) - 2 }, () => -1)];
  const [read, write] = addon.pipe();
  fds[1] = write;
  fds[zero] = full;
  fds[full] = zero;
  runShell(`readlink /proc/$$/fd/${zero} /proc/$$/fd/${full}`, { fds });
  for (const fd of [write, zero, full]) closeSync(fd);
  t.equal(readAll(read), "/dev/full\n/dev/zero\n");
  t.end();
});

t.test("no signal is ignored or blocked in a child, though node ignores some", (t) => {
  t.match(readFileSync("/proc/self/status", "utf8"), /SigIgn:\t0000000000001000/);
  const { output } = runShell("", {
    file: "/bin/grep",
    argv: ["grep", "-E", "SigBlk|SigIgn", "/proc/self/status"],
  });
  t.equal(output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  t.end();
});

t.test("working directory, session and RLIMIT_NOFILE are set", (t) => {
  const { pid, output } = runShell("pwd; ulimit -Sn; ulimit -Hn; cut -d' ' -f6 /proc/$$/stat", {
    cwd: "/usr",
    nofile: [100n, 200n],
    newSession: true,
  });
  t.equal(output, `/usr\n100\n200\n${pid}\n`);
  t.end();
});

t.test("a program can be given as a descriptor", (t) => {
  const script = addon.sealedMemfd("true", readFileSync("/bin/true"), true);
  const { exit } = runShell("", { file: script, argv: ["true"] });
  closeSync(script);
  t.match(exit, { code: 0, signaled: false });
  t.end();
});

for (const { what, options, error } of [
  {
    what: "a program that is not there",
    options: { file: "/no/such/program" },
    error: { code: "ENOENT", errno: -2, syscall: "execve", message: /'\/no\/such\/program'/ },
  },
  {
    what: "a working directory that is not there",
    options: { cwd: "/no/such/directory" },
    error: { code: "ENOENT", syscall: "chdir", message: /'\/no\/such\/directory'/ },
  },
  {
    what: "a descriptor that is not open",
    options: { fds: [999999] },
    error: { code: "EBADF", syscall: "fcntl" },
  },
  {
    what: "a cgroup that is none",
    options: { cgroupFd: 999999 },
    error: { code: "EBADF", syscall: "clone3" },
  },
  {
    what: "a limit that contradicts itself",
    options: { nofile: [200n, 100n] as const },
    error: { code: "EINVAL", syscall: "prlimit" },
  },
]) {
  t.test(`${what} is an error of spawn, and no child is left`, (t) => {
    t.throws(() => spawnSleeper(options), error);
    t.equal(addon.reapAny(), null);
    t.end();
  });
}

t.test("options of the wrong type are refused before anything is spawned", (t) => {
  t.throws(() => spawnSleeper({ fds: ["0"] as unknown as number[] }), { message: /number/ });
  t.throws(() => spawnSleeper({ argv: undefined }), { message: /array/ });
  t.throws(() => spawnSleeper({ env: ["A=\0"] }), { message: /NUL/ });
  t.end();
});

t.test("a child is born in new namespaces", { skip: asRoot }, (t) => {
  const cloneFlags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
  const { pid, pidfd } = spawnSleeper({ cloneFlags });
  for (const name of ["pid", "mnt", "net", "ipc", "uts"])
    t.not(readlinkSync(`/proc/${pid}/ns/${name}`), readlinkSync(`/proc/self/ns/${name}`), name);
  t.match(readFileSync(`/proc/${pid}/status`, "utf8"), new RegExp(`NSpid:\t${pid}\t1\n`));
  addon.pidfdSendSignal(pidfd, 9);
  t.match(addon.waitPidfd(pidfd, false), { pid, code: 9, signaled: true });
  closeSync(pidfd);
  t.end();
});

t.test("many children leave no descriptor and no zombie behind", (t) => {
  const [before] = addon.pipe();
  for (let i = 0; i < 200; i++) runShell("", { file: "/bin/true", argv: ["true"] });
  const [after] = addon.pipe();
  t.equal(after, before + 2);
  t.equal(addon.reapAny(), null);
  t.end();
});
