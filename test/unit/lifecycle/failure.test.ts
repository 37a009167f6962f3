import t from "tap";

import { initDeath, opFailure, spawnFailure, opWarning } from "../../../src/lifecycle/failure.ts";
import type { Plan, PlannedOp } from "../../../src/plan/plan.ts";
import type { Spec } from "../../../src/spec/types.ts";

const spec: Spec = {
  mounts: [{ destination: "/etc/hosts", source: "/srv/hosts", options: ["bind"] }],
};

const prefix = "unable to start container process: error during container init: ";

function planOf(...ops: PlannedOp[]): Plan {
  const host = { rlimits: [], netDevices: [], console: false };
  return { kind: "create", cloneFlags: 0, fds: [], ops, host, warnings: [] };
}

function messageOf(op: PlannedOp, errno: number, text = ""): string {
  return opFailure(planOf(op), { op: 0, errno, text }, spec).message;
}

const program = (file: string): PlannedOp => ({
  op: "find_program",
  file,
  search: "/bin",
  origin: "/process/args/0",
  what: `find ${file}`,
});

t.test("a program that is in no directory of PATH reads as with runc", (t) => {
  t.equal(messageOf(program("x"), 2), `${prefix}exec: "x": executable file not found in $PATH`);
  t.end();
});

t.test("a program given by its path reads as with runc", (t) => {
  t.equal(messageOf(program("/x"), 2), `${prefix}exec: "/x": stat /x: no such file or directory`);
  t.equal(messageOf(program("/x"), 13), `${prefix}exec: "/x": permission denied`);
  t.equal(messageOf(program("/x"), 21), `${prefix}exec: "/x": is a directory`);
  t.end();
});

t.test("a failed mount names source, destination and the call", (t) => {
  const op: PlannedOp = {
    op: "open_tree",
    path: "/srv/hosts",
    recursive: 0,
    slot: 4,
    origin: "/mounts/0",
    what: "bind /srv/hosts on /etc/hosts",
  };
  t.equal(
    messageOf(op, 2, "open_tree /srv/hosts"),
    `${prefix}error mounting "/srv/hosts" to rootfs at "/etc/hosts": open_tree /srv/hosts: no such file or directory`,
  );
  const error = opFailure(planOf(op), { op: 0, errno: 2, text: "" }, spec);
  t.match(error, { code: "INIT", pointer: "/mounts/0", errno: "ENOENT" });
  t.end();
});

t.test("any other op is told in the words of the plan", (t) => {
  const op: PlannedOp = { op: "hostname", name: "h", origin: "/hostname", what: "set hostname h" };
  t.equal(
    messageOf(op, 1, "sethostname"),
    `${prefix}set hostname h: sethostname: operation not permitted`,
  );
  t.equal(
    opWarning(planOf(op), { op: 0, errno: 1, text: "" }),
    "set hostname h: operation not permitted",
  );
  t.end();
});

t.test("a text of init that is complete gets no second reason", (t) => {
  const op: PlannedOp = {
    op: "chdir",
    path: "/proc/self/fd/7",
    create: 0,
    uid: 0,
    gid: 0,
    origin: "/process/cwd",
    what: "enter /proc/self/fd/7",
  };
  const text = "current working directory is outside of container mount namespace root";
  const { message } = opFailure(planOf(op), { op: 0, errno: 2, text, complete: true }, spec);
  t.match(message, text);
  t.notMatch(message, "no such file or directory");
  t.end();
});

t.test("a refusal of the whole plan has no op", (t) => {
  const error = opFailure(planOf(), { op: 0xffffffff, errno: 0, text: "another build" }, spec);
  t.equal(error.message, `${prefix}another build`);
  t.equal(error.pointer, undefined);
  t.end();
});

t.test("an init that was killed says by what", (t) => {
  t.match(
    initDeath({ pid: 1, code: 9, signaled: true }, undefined).message,
    /was killed by signal 9/,
  );
  t.match(initDeath({ pid: 1, code: 31, signaled: true }, undefined).hint, /seccomp/);
  t.match(
    initDeath({ pid: 1, code: 1, signaled: false }, undefined).message,
    /ended with status 1/,
  );
  t.end();
});

t.test("an init that was killed for want of memory says so", (t) => {
  const cgroup = t.testdir({
    "memory.events": "low 0\noom 1\noom_kill 1\n",
    "memory.max": "65536\n",
    "memory.peak": "65500\n",
  });
  const error = initDeath({ pid: 1, code: 9, signaled: true }, cgroup);
  t.match(
    error.message,
    "container init was OOM-killed (memory limit too low?): memory.max is 65536 bytes, at most 65500 were used",
  );
  t.match(error.hint, /the smallest limit known to work/);
  t.end();
});

t.test("an init that could not be executed for want of memory says so", (t) => {
  const cgroup = t.testdir({ "memory.max": "4096\n", "memory.peak": "4096\n" });
  const cause = Object.assign(new Error("execve"), { code: "E2BIG", syscall: "execve" });
  t.match(spawnFailure(cause, cgroup), {
    message:
      "unable to start container process: no memory for container init (memory limit too low?): memory.max is 4096 bytes, at most 4096 were used",
    pointer: "/linux/resources/memory/limit",
  });
  t.equal(spawnFailure(cause, undefined), cause);
  t.equal(spawnFailure(cause, t.testdir({ none: {} })), cause, "without a limit it is not that");
  t.end();
});

t.test(
  "a profile of AppArmor that is not loaded reads as with runc, with what to do",
  async (t) => {
    const label = { op: "lsm_exec", proc: 1, lsm: "apparmor", label: "web" } as const;
    const op: PlannedOp = { ...label, origin: "/process/apparmorProfile", what: "" };
    const report = { op: 0, errno: 2, text: "write `/proc/thread-self/attr/exec`" };
    t.match(opFailure(planOf(op), report, spec), {
      message: `${prefix}unable to apply apparmor profile: apparmor failed to apply profile: write \`/proc/thread-self/attr/exec\`: no such file or directory`,
      hint: "the profile web is not loaded: apparmor_parser FILE loads it",
      pointer: "/process/apparmorProfile",
    });
  },
);
