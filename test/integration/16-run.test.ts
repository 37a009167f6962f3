import { existsSync, openSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare, shell } from "./support/container.ts";
import { kind, notWith, onlyTsrun } from "./support/runtime.ts";

t.test("run passes on output and exit status and removes the container", async (t) => {
  const c = prepare(t, (config) => (config.process.args = shell("echo out; echo err >&2; exit 7")));
  t.match(c.run(), { status: 7, stdout: "out\n", stderr: "err\n" });
  t.notOk(existsSync(join(c.root, c.id)));
});

t.test("a program that a signal ends gives 128 and its number", async (t) => {
  for (const [signal, status] of [
    ["TERM", 143],
    ["KILL", 137],
    ["SEGV", 139],
  ] as const) {
    const c = prepare(t, (config) => {
      // the first process of a pid namespace would be immune
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
      config.process.args = shell(`kill -${signal} $$`);
    });
    t.equal(c.run().status, status, signal);
  }
});

t.test("--keep leaves a stopped container", async (t) => {
  const c = prepare(t, (config) => (config.process.args = shell("exit 3")));
  t.equal(c.run(["--keep"]).status, 3);
  t.equal(c.status(), "stopped");
  t.equal(c.delete().status, 0);
});

t.test("run reads stdin to its end", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["wc", "-c"]));
  t.equal(c.run([], { input: "x".repeat(300_000) }).stdout.trim(), "300000");
});

t.test("output larger than any pipe arrives whole", async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = shell("yes 0123456789 | head -c 3000000; echo end >&2");
  });
  const { status, stdout, stderr } = c.run();
  t.equal(status, 0);
  t.equal(stdout.length, 3_000_000);
  t.equal(stderr, "end\n");
});

t.test("run ends when the container's first process ends, also with others left", async (t) => {
  const c = prepare(t, (config) => (config.process.args = shell("sleep 100 & exit 4")));
  t.equal(c.run([], { timeout: 10_000 }).status, 4);
});

t.test("a failing run names the cause and leaves nothing", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["/bin/absent"]));
  const { status, stderr } = c.run(["--pid-file", c.pidFile]);
  t.equal(status, 1);
  t.match(stderr, "no such file or directory");
  if (kind !== "crun") t.match(stderr, /exec: \\?"\/bin\/absent\\?"/);
  t.notOk(existsSync(join(c.root, c.id)));
  t.notOk(existsSync(c.pidFile));
});

t.test("the container's process has no descriptors but 0, 1 and 2", async (t) => {
  const c = prepare(t, (config) => (config.process.args = shell("echo $(ls /proc/self/fd)")));
  t.match(c.run().stdout, /^0 1 2 3\n$/, "3 is of ls itself");
});

t.test("blocked and ignored signals are not inherited", async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = ["grep", "-E", "Sig(Blk|Ign)|NoNewPrivs", "/proc/self/status"];
  });
  t.match(c.run().stdout, /SigBlk:\t0+\nSigIgn:\t0+\n/);
});

t.test("the environment of the runtime does not reach the container", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["env"]));
  const { stdout } = c.run([], { env: { PATH: "/bin", SECRET: "x", NODE_OPTIONS: "--frozen" } });
  t.notMatch(stdout, /SECRET|NODE_OPTIONS/);
});

t.test("an almost empty environment is enough", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["echo", "ok"]));
  t.match(c.run([], { env: {} }), { status: 0, stdout: "ok\n" });
  t.match(c.run([], { env: { XDG_RUNTIME_DIR: "" } }), { status: 0 });
});

t.test(
  "--no-pivot works on a root that cannot be pivoted",
  { skip: notWith("crun", "its own way") },
  async (t) => {
    const c = prepare(t, (config) => (config.process.args = shell("ls -a /; cat /proc/1/comm")));
    const { status, stdout, stderr } = c.run(["--no-pivot"]);
    t.match({ status, stderr }, { status: 0, stderr: "" });
    t.match(stdout, "proc");
    t.notMatch(stdout, "bundle");
  },
);

t.test("the first process is the program itself", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["cat", "/proc/1/comm"]));
  t.equal(c.run().stdout, "cat\n");
});

t.test(
  "/proc/self/exe of the first process is a sealed copy, no file of the host",
  { skip: onlyTsrun("init in a memfd") },
  async (t) => {
    const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
    c.create();
    const exe = `/proc/${c.state().pid}/exe`;
    t.match(readlinkSync(exe), /^\/memfd:/);
    t.throws(() => openSync(exe, "r+"));
  },
);
