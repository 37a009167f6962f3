import t from "tap";

import { encodeOps, runInit } from "./run-init.ts";

const execute = (...args: string[]) => ({ op: "exec", args, env: [] }) as const;
const sh = (script: string) => execute("/bin/busybox", "sh", "-c", script);

t.test("a plan without ops ends well and says nothing", async (t) => {
  const { messages, exit } = runInit([]);
  t.strictSame(messages, []);
  t.equal(exit, 0);
});

t.test("sync waits for go and tells its point and its op", async (t) => {
  const { messages, exit } = runInit([
    { op: "dumpable", on: 0 },
    { op: "sync", point: 3 },
  ]);
  t.match(messages, [{ kind: "sync", op: 1, value: 3 }]);
  t.equal(exit, 0);
});

t.test("init ends silently when the runtime is gone", async (t) => {
  const { messages, exit, signal, output } = runInit([{ op: "sync", point: 1 }, sh("echo alive")], {
    env: { DRIVER_DIES: "1" },
  });
  t.strictSame(messages, []);
  t.ok(exit === 1 || signal === 13, "not zero");
  t.equal(output, "");
});

t.test("a failure names the op, the errno and what it was about", async (t) => {
  const { messages, exit } = runInit([
    { op: "dumpable", on: 0 },
    { op: "open_path", path: "/no/such/place", slot: 7 },
    { op: "ready" },
  ]);
  t.match(messages, [{ kind: "fail", op: 1, errno: 2, value: 0, text: "open /no/such/place" }]);
  t.equal(messages.length, 1);
  t.equal(exit, 1);
});

t.test("the failure of an optional op is a warning", async (t) => {
  const { messages, exit } = runInit([
    { op: "open_path", path: "/no/such/place", slot: 7, optional: true },
    { op: "ready" },
  ]);
  t.match(messages, [
    { kind: "warn", op: 0, errno: 2, text: "open /no/such/place" },
    { kind: "ready", op: 1 },
  ]);
  t.equal(exit, 0);
});

t.test(
  "after ready init waits for a byte, then becomes the program with exactly its environment",
  async (t) => {
    const { messages, exit, output } = runInit(
      [
        { op: "ready" },
        { op: "wait_start", slot: 0 },
        { op: "exec", args: ["/bin/busybox", "env"], env: ["A=1", "B=two words"] },
      ],
      { handed: ["pipe"] },
    );
    t.match(messages, [{ kind: "ready" }]);
    t.equal(output, "A=1\nB=two words\n");
    t.equal(exit, 0);
  },
);

t.test("the exit status is that of the program", async (t) => {
  t.equal(runInit([sh("exit 42")]).exit, 42);
  t.equal(runInit([sh("kill -9 $$")]).signal, 9);
});

t.test("the program gets no descriptor but its own", async (t) => {
  const list = sh("for fd in /proc/self/fd/*; do echo ${fd##*/}; done | sort -n");
  const { output } = runInit([
    { op: "open_path", path: "/", slot: 9 },
    { op: "open_path", path: "/etc", slot: 3 },
    list,
  ]);
  // 3 is what the shell lists the directory with.
  t.match(output.trim().split("\n").slice(0, 3), ["0", "1", "2"]);
  t.notMatch(output, /^[5-9]$/m);
});

t.test("kept descriptors become 3, 4 ... in the order of the plan", async (t) => {
  const slots = new Uint8Array(Uint32Array.from([2, 0]).buffer);
  const { output, messages } = runInit(
    [
      { op: "keep_fds", slots },
      { op: "ready" },
      { op: "wait_start", slot: 1 },
      sh("readlink /proc/$$/fd/3; readlink /proc/$$/fd/4; [ -e /proc/$$/fd/5 ] || echo none"),
    ],
    { handed: ["/etc/passwd", "pipe", "/etc/group"] },
  );
  t.match(messages, [{ kind: "ready" }]);
  t.equal(output, "/etc/group\n/etc/passwd\nnone\n");
});

t.test(
  "signals are neither ignored nor blocked, and the umask is the caller's unless the plan sets one",
  async (t) => {
    const { output } = runInit([sh("grep -E 'Sig(Blk|Ign)' /proc/self/status; umask")]);
    t.match(output, /SigBlk:\s+0{16}\nSigIgn:\s+0{16}\n0022/);
    t.match(runInit([{ op: "umask", mask: 0o77 }, sh("umask")]).output, /^0077/);
  },
);

t.test("a program that cannot be executed is said on stderr, with status 255", async (t) => {
  const { output, exit, messages } = runInit([{ op: "ready" }, execute("/etc/passwd")]);
  t.equal(output, "exec /etc/passwd: permission denied\n");
  t.equal(exit, 255);
  t.match(messages, [{ kind: "ready" }]);
  t.equal(
    runInit([execute("/nothing/here")]).output,
    "exec /nothing/here: no such file or directory\n",
  );
});

const find = (file: string, search: string | null) => {
  const { messages, output } = runInit([
    { op: "find_program", file, search },
    { op: "exec", args: [file, "echo", "found"], env: [] },
  ]);
  return messages[0] ?? output;
};

t.test("a program is found as Go's exec.LookPath does, with its words", async (t) => {
  t.equal(find("busybox", "/nowhere:/bin"), "found\n");
  t.equal(find("/bin/busybox", null), "found\n");
  const missing = {
    errno: 2,
    value: 1,
    text: 'exec: "bus\\"ybox": executable file not found in $PATH',
  };
  t.match(find('bus"ybox', "/bin:/usr/bin"), missing);
  t.match(find("busybox", null), {
    value: 1,
    text: 'exec: "busybox": executable file not found in $PATH',
  });
  t.match(find("", "/bin"), { value: 1, text: 'exec: "": executable file not found in $PATH' });
  t.match(find("/no/x", "/bin"), { errno: 2, value: 0, text: 'exec: "/no/x": stat /no/x' });
  t.match(find("/etc/passwd", "/bin"), { errno: 13, value: 0, text: 'exec: "/etc/passwd"' });
  t.match(find("/etc", "/bin"), { errno: 21, value: 0, text: 'exec: "/etc"' });
  t.match(find("passwd", "/etc"), {
    value: 1,
    text: 'exec: "passwd": executable file not found in $PATH',
  });
});

t.test("a plan that is not whole is refused before its first op", async (t) => {
  const plan = Buffer.from(encodeOps([{ op: "ready" }, { op: "hostname", name: "x" }]));
  const refused = (change: (bytes: Buffer) => Buffer | void) => {
    const bytes = Buffer.from(plan);
    const { messages, exit } = runInit([], { bytes: change(bytes) ?? bytes });
    t.equal(exit, 1);
    t.match(messages, [{ kind: "fail", op: 0xffffffff, errno: 22, value: 1 }]);
    t.equal(messages.length, 1);
    return messages[0]?.text;
  };
  t.equal(
    refused((bytes) => void bytes.write("X", 0)),
    "not a plan",
  );
  t.equal(
    refused((bytes) => void bytes.writeUInt32LE(99, 4)),
    "the plan is of another format",
  );
  t.equal(
    refused((bytes) => void bytes.writeUInt8(9, 8)),
    "the plan is of another build of tsrun",
  );
  t.equal(
    refused((bytes) => bytes.subarray(0, -1)),
    "the plan is not complete",
  );
  t.equal(
    refused((bytes) => void bytes.writeUInt16LE(999, 40)),
    "unknown op",
  );
  t.equal(
    refused((bytes) => void bytes.writeUInt16LE(2, 42)),
    "unknown flag of an op",
  );
  t.equal(
    refused((bytes) => void bytes.writeUInt32LE(0xffff_ffff, 44)),
    "an op is out of bounds",
  );
  t.equal(
    refused((bytes) => void bytes.writeUInt32LE(1, 28)),
    "there is something between ops and data",
  );
  t.equal(
    refused((bytes) => void bytes.writeUInt32LE(0, 56)),
    "a string is missing",
  );
  t.equal(
    refused((bytes) => void bytes.writeUInt32LE(9999, 56)),
    "a string is out of bounds",
  );
  t.equal(
    refused((bytes) => void bytes.writeUInt8(65, bytes.length - 1)),
    "the data area is not terminated",
  );
});

t.test("a plan in a memfd that somebody could still change is refused", async (t) => {
  const { messages } = runInit([], { env: { DRIVER_UNSEALED: "1" } });
  t.match(messages, [{ kind: "fail", op: 0xffffffff, text: "the plan is not a sealed memfd" }]);
});

t.test(
  "fork hands over to a child of the runtime, which speaks after its pid is known",
  async (t) => {
    const { messages, exit } = runInit([{ op: "fork" }, { op: "sync", point: 5 }, sh("exit 7")]);
    t.match(messages, [
      { kind: "pid", op: 0 },
      { kind: "sync", op: 1, value: 5 },
    ]);
    t.ok((messages[0]?.value ?? 0) > 1);
    t.equal(exit, 7);
  },
);
