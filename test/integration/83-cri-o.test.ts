// The calls of CRI-O and its monitor, with the flags and the environment that they use. The engine is not run.
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { type Container, prepare, shell } from "./support/container.ts";
import { requires } from "./support/host.ts";
import { type RunOptions } from "./support/runtime.ts";

const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", CRI_O_EXTERNAL: "1", XDG_RUNTIME_DIR: "" };
const silent = { status: 0, stdout: "", stderr: "" };

function called(c: Container) {
  return (args: readonly string[], options: RunOptions = {}) => c.call(args, { env, ...options });
}

function createAsMonitor(t: Test, c: Container) {
  // the monitor makes the file before the runtime does
  writeFileSync(c.pidFile, "");
  const log = join(c.bundle, "runtime.log");
  const flags = ["--log", log, "--log-format", "json"];
  const place = ["--bundle", c.bundle, "--pid-file", c.pidFile];
  const output = { stdout: join(c.bundle, "stdout"), stderr: join(c.bundle, "stderr") };
  t.match(called(c)([...flags, "create", ...place, c.id], { output }), silent);
  t.equal(Number(readFileSync(c.pidFile, "utf8")), c.state().pid);
  t.equal(statSync(log).size, 0, "nothing in the log");
}

t.test("a handler is probed by --version and features, stderr and stdout together", async (t) => {
  const call = called(prepare(t));
  t.match(call(["--version"]), { status: 0, stdout: /version \d+\.\d+/, stderr: "" });
  const { status, stdout, stderr } = call(["features"]);
  t.equal(status, 0);
  t.match(JSON.parse(stdout + stderr), { ociVersionMin: /./, ociVersionMax: /./ });
});

t.test("create, start, exec, kill, delete --force: silent, by signal numbers", async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = shell("trap 'exit 5' TERM; while :; do sleep 0.02; done");
  });
  const call = called(c);
  createAsMonitor(t, c);
  t.match(call(["start", c.id]), silent);
  t.match(JSON.parse(call(["state", c.id]).stdout), { status: "running" });

  const file = join(c.bundle, "exec.json");
  const process = {
    args: ["sh", "-c", "echo out; echo err >&2; exit 9"],
    cwd: "/",
    env: ["PATH=/bin"],
    user: { uid: 0, gid: 0 },
  };
  writeFileSync(file, JSON.stringify(process));
  const done = { status: 9, stdout: "out\n", stderr: "err\n" };
  t.match(call(["exec", "--process", file, c.id]), done, "exec of a stream, in the foreground");
  const pidFile = join(c.bundle, "exec.pid");
  const detached = ["exec", "--pid-file", pidFile, "--process", file, "--detach", c.id];
  const output = { stdout: join(c.bundle, "exec.out"), stderr: join(c.bundle, "exec.err") };
  t.match(call(detached, { output }), { status: 0 }, "exec sync, by the monitor");
  t.match(readFileSync(pidFile, "utf8"), /^\d+$/);

  t.match(call(["kill", c.id, "15"]), silent);
  t.ok(c.waitFor("stopped"));
  t.match(call(["kill", c.id, "15"]), { status: 1, stderr: "container not running" });
  t.match(call(["kill", "-a", c.id, "9"]), silent);
  t.match(call(["delete", "--force", c.id]), silent);
  t.match(call(["delete", "--force", c.id]), silent, "again");
});

t.test(
  "update by stdin, pause, resume",
  { skip: requires("unified-cgroup", "memory") },
  async (t) => {
    const c = prepare(t, (config) => (config.process.args = ["sleep", "1000"]));
    c.configure((config) => (config.linux.cgroupsPath = `/tests/crio-${c.id}`));
    const call = called(c);
    createAsMonitor(t, c);
    const input = JSON.stringify({ memory: { limit: 64 << 20 }, cpu: { shares: 512 } });
    t.match(call(["update", "--resources", "-", c.id], { input }), silent);
    const limit = readFileSync(`/sys/fs/cgroup/tests/crio-${c.id}/memory.max`, "utf8");
    t.equal(limit, `${64 << 20}\n`);
    t.match(call(["start", c.id]), silent);
    t.match(call(["pause", c.id]), silent);
    t.match(JSON.parse(call(["state", c.id]).stdout), { status: "paused" });
    t.match(call(["resume", c.id]), silent);
  },
);
