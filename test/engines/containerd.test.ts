import { readFileSync } from "node:fs";
import t from "tap";
import { isAlive, processesWith } from "../integration/support/process.ts";
import { runtime } from "../integration/support/runtime.ts";
import { until } from "../integration/support/wait.ts";
import { begin } from "./support/begin.ts";
import { parentOf, runtimeFlags, startContainerd } from "./support/containerd.ts";
import { imageName } from "./support/image.ts";

begin(t, { containerd: ["--version"], ctr: ["--version"] });
const { ctr, run, detach, task, onTerminal } = startContainerd(t);

const untilTerminated = "trap 'exit 5' TERM; while :; do sleep 0.1; done";
/** ctr tells the terminal its size when the process runs already. */
const terminalScript =
  "tty; until stty size 2>&1 | grep '20 60'; do sleep 0.1; done; read line; echo got $line";

t.test("run --rm: output and exit status come back, nothing stays", async (t) => {
  const words = ["out", "sh", "-c", "echo out; echo err >&2; exit 7"];
  t.match(run(["--rm"], words), { status: 7, stdout: "out\n", stderr: "err\n" });
  t.equal(ctr(["container", "ls", "-q"]).stdout, "");
  t.equal(ctr(["task", "ls", "-q"]).stdout, "");
});

t.test("run with limits, another user, a read-only root and the seccomp profile", async (t) => {
  const limits = ["--memory-limit", "67108864", "--cpus", "0.5"];
  const flags = [...limits, "--user", "1000:1000", "--read-only", "--seccomp"];
  detach(t, "limited", "id -u; touch /x; sleep 1000", flags);
  const file = (name: string) => readFileSync(`/sys/fs/cgroup/default/limited/${name}`, "utf8");
  t.equal(file("memory.max"), "67108864\n");
  t.equal(file("cpu.max"), "50000 100000\n");
  const exec = ctr(["task", "exec", "--exec-id", "e", "limited", "sh", "-c", "id -u; touch /x"]);
  t.match(exec, { status: 1, stdout: "1000\n", stderr: "Read-only file system" });
});

t.test("run -t: a terminal with the caller's size, input and exit status", async (t) => {
  const words = ["run", "--rm", "-t", ...runtimeFlags(), imageName, "tty"];
  const terminal = onTerminal([...words, "sh", "-c", `${terminalScript}; exit 3`]);
  t.match(await terminal.shows("20 60"), /\/dev\/pts\/0\s+20 60/);
  terminal.type("hello\n");
  t.match(await terminal.shows("got hello"), "got hello");
  t.equal(await terminal.end, 3);
});

t.test("a detached container", async (t) => {
  detach(t, "web", untilTerminated);
  const { pid } = task("web")!;

  await t.test("task ls, task ps", async (t) => {
    t.match(task("web"), { status: "RUNNING" });
    t.match(ctr(["task", "ps", "web"]).stdout, new RegExp(`^${pid}\\s`, "m"));
  });

  await t.test("task exec: output, status, user, directory", async (t) => {
    const exec = (flags: string[], ...words: string[]) =>
      ctr(["task", "exec", ...flags, "web", ...words]);
    t.match(exec(["--exec-id", "e1"], "sh", "-c", "echo in; exit 9"), {
      status: 9,
      stdout: "in\n",
    });
    const flags = ["--exec-id", "e2", "--user", "1000", "--cwd", "/tmp"];
    t.match(exec(flags, "sh", "-c", "id -u; pwd"), { status: 0, stdout: "1000\n/tmp\n" });
  });

  await t.test("task exec -t", async (t) => {
    const flags = ["task", "exec", "-t", "--exec-id", "e3", "web"];
    const terminal = onTerminal([...flags, "sh", "-c", `${terminalScript}; exit 4`]);
    t.match(await terminal.shows("20 60"), /\/dev\/pts\/\d\s+20 60/);
    terminal.type("hello\n");
    t.match(await terminal.shows("got hello"), "got hello");
    t.equal(await terminal.end, 4);
  });

  await t.test("task exec says why a command cannot be run", async (t) => {
    const exec = (id: string, ...words: string[]) =>
      ctr(["task", "exec", "--exec-id", id, "web", ...words]);
    t.match(exec("f1", "nonexistent"), {
      status: 1,
      stderr: 'exec: "nonexistent": executable file not found in $PATH',
    });
    t.match(exec("f2", "/etc/passwd"), { status: 1, stderr: "permission denied" });
  });

  await t.test("task pause, task resume", async (t) => {
    t.equal(ctr(["task", "pause", "web"]).status, 0);
    t.match(task("web"), { status: "PAUSED" });
    t.equal(ctr(["task", "resume", "web"]).status, 0);
    t.match(task("web"), { status: "RUNNING" });
  });

  await t.test("task metrics", async (t) => {
    const { status, stdout } = ctr(["task", "metrics", "--format", "json", "web"]);
    t.equal(status, 0);
    const { pids, cpu, memory } = JSON.parse(stdout) as Metrics;
    t.ok(pids.current >= 1);
    t.ok(cpu.usage_usec > 0);
    t.ok(memory.usage > 0);
  });

  await t.test("task checkpoint: what CRIU says arrives, the task goes on", async (t) => {
    // this kernel has no kcmp and so no checkpoint
    const { status, stderr } = ctr(["task", "checkpoint", "web"]);
    t.equal(status, 1);
    t.match(stderr, `${runtime} did not terminate successfully: exit status 1: criu failed: type`);
    t.match(task("web"), { status: "RUNNING" });
    t.equal(ctr(["task", "exec", "--exec-id", "e4", "web", "true"]).status, 0);
  });

  await t.test("task delete wants it stopped; kill, delete, start anew, rm -f", async (t) => {
    t.match(ctr(["task", "delete", "web"]), { status: 1, stderr: "must be stopped" });
    t.equal(ctr(["task", "kill", "-s", "SIGTERM", "web"]).status, 0);
    t.ok(until(() => task("web")?.status === "STOPPED"));
    t.match(ctr(["task", "delete", "web"]), { stderr: "exit code 5" });
    t.equal(task("web"), undefined);
    t.equal(ctr(["task", "start", "-d", "web"]).status, 0);
    t.not(task("web")?.pid, pid);
    t.equal(ctr(["task", "kill", "-a", "-s", "SIGKILL", "web"]).status, 0);
    t.ok(until(() => task("web")?.status === "STOPPED"));
    t.match(ctr(["task", "rm", "-f", "web"]), { stderr: "exit code 137" });
  });
});

type Metrics = {
  pids: { current: number };
  cpu: { usage_usec: number };
  memory: { usage: number };
};

t.test("a container whose shim is killed is cleaned up and can be started again", async (t) => {
  for (const paused of [false, true]) {
    const id = paused ? "paused" : "running";
    await t.test(id, async (t) => {
      detach(t, id, "sleep 1000");
      const { pid } = task(id)!;
      if (paused) t.equal(ctr(["task", "pause", id]).status, 0);
      process.kill(parentOf(pid), "SIGKILL");
      t.ok(until(() => !isAlive(pid) && task(id) === undefined, 60_000));
      t.same(processesWith(`${runtime} `), []);
      const again = ctr(["task", "start", "-d", id]);
      t.match(again, { status: 0, stderr: "" });
      t.match(task(id), { status: "RUNNING" });
    });
  }
});
