import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare, shell } from "./support/container.ts";
import { runContainer } from "./support/exec.ts";
import { isAlive } from "./support/process.ts";
import { addProbe } from "./support/probe.ts";
import { kind, notWith, runtime } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.test("exec passes on output and exit status", async (t) => {
  const c = runContainer(t);
  t.match(c.exec(shell("echo out; echo err >&2; exit 7")), {
    status: 7,
    stdout: "out\n",
    stderr: "err\n",
  });
  t.match(c.exec(["true"]), { status: 0, stdout: "", stderr: "" });
  t.equal(c.exec(["false"]).status, 1);
  t.equal(c.status(), "running", "the container is as it was");
});

t.test("what follows the container's name belongs to the program", async (t) => {
  const c = runContainer(t);
  t.equal(c.exec(["echo", "--tty", "-d", "--", "-x"]).stdout, "--tty -d -- -x\n");
});

t.test("a program that a signal ends gives 128 and its number", async (t) => {
  const c = runContainer(t);
  t.equal(c.exec(shell("kill -KILL $$")).status, 137);
  t.equal(c.exec(shell("kill -TERM $$")).status, 143);
});

t.test("exec reads stdin to its end, and passes on output larger than any pipe", async (t) => {
  const c = runContainer(t);
  t.equal(c.exec(["wc", "-c"], [], { input: "x".repeat(300_000) }).stdout.trim(), "300000");
  t.equal(c.exec(shell("yes | head -c 1000000")).stdout.length, 1_000_000);
});

t.test("the process is in all namespaces of the container and in its cgroup", async (t) => {
  const c = runContainer(t, (config) => {
    config.linux.namespaces.push({ type: "cgroup" });
  });
  const show = "readlink /proc/PID/ns/*; cat /proc/PID/cgroup";
  const own = c.exec(shell(show.replaceAll("PID", "1"))).stdout;
  t.not(own, "");
  t.equal(c.exec(shell(show.replaceAll("PID", "self"))).stdout, own);
  t.match(
    c.exec(shell("ps | grep -c sleep")).stdout,
    /^[1-9]/,
    "it sees the container's processes",
  );
});

t.test("the process has a session of its own, and no descriptors but its three", async (t) => {
  const c = runContainer(t, () => {}, addProbe);
  t.equal(c.exec(["probe", "fds"]).stdout, "0 1 2 \n");
  const [pid, session] = c.exec(shell("cut -d' ' -f1,6 /proc/$$/stat")).stdout.trim().split(" ");
  t.equal(session, pid);
});

t.test("a detached process runs on when exec is over", async (t) => {
  const c = runContainer(t);
  const pidFile = join(c.bundle, "exec.pid");
  const output = { stdout: join(c.bundle, "eo"), stderr: join(c.bundle, "ee") };
  t.match(c.exec(["sleep", "1000"], ["--detach", "--pid-file", pidFile], { output }), {
    status: 0,
    stdout: "",
    stderr: "",
  });
  const pid = Number(readFileSync(pidFile, "utf8"));
  t.ok(isAlive(pid));
  t.not(pid, c.state().pid);
  t.equal(readFileSync(`/proc/${pid}/cmdline`, "utf8"), "sleep\x001000\x00");
  t.equal(c.kill("KILL").status, 0);
  t.ok(
    until(() => !isAlive(pid)),
    "it ends with the container",
  );
});

t.test("--pid-file has the pid and nothing else, of a process in the foreground too", async (t) => {
  const c = runContainer(t);
  const pidFile = join(c.bundle, "exec.pid");
  writeFileSync(pidFile, "what was there before");
  t.equal(c.exec(["true"], ["--pid-file", pidFile]).status, 0);
  t.match(readFileSync(pidFile, "utf8"), /^\d+$/);
});

t.test("--pid-file is relative to the caller's directory", async (t) => {
  const c = runContainer(t);
  mkdirSync(join(c.bundle, "elsewhere"));
  const cwd = join(c.bundle, "elsewhere");
  t.equal(c.exec(["true"], ["--pid-file", "p"], { cwd }).status, 0);
  t.ok(existsSync(join(cwd, "p")));
});

t.test("a pid file that cannot be written ends the process, with 255", async (t) => {
  const c = runContainer(t);
  const flags = ["--pid-file", join(c.bundle, "absent/p")];
  t.match(c.exec(shell("sleep 0.2; touch /tmp/ran"), flags), {
    status: 255,
    stderr: /exec failed: .*no such file or directory/,
  });
  if (kind === "tsrun") t.notOk(existsSync(join(c.rootfs, "tmp/ran")), "it did not even begin");
});

t.test("programs that cannot be started: 255 and the words that engines know", async (t) => {
  const c = runContainer(
    t,
    () => {},
    ({ rootfs }) => {
      writeFileSync(join(rootfs, "plain"), "");
      writeFileSync(join(rootfs, "lost"), "#!/absent\n");
      chmodSync(join(rootfs, "lost"), 0o755);
    },
  );
  const start = "exec failed: unable to start container process: ";
  const because = (words: string) => words.replaceAll('"', '\\"');
  for (const [program, words] of [
    ["absent", 'exec: "absent": executable file not found in $PATH'],
    ["/absent", 'exec: "/absent": stat /absent: no such file or directory'],
    ["/plain", 'exec: "/plain": permission denied'],
  ] as const) {
    const { status, stderr } = c.exec([program]);
    t.equal(status, 255);
    t.match(stderr, kind === "crun" ? because(words) : because(start + words));
  }
  const { status, stderr } = c.exec(["/lost"]);
  t.not(status, 0);
  t.equal(stderr, "exec /lost: no such file or directory\n", "in the words of the process itself");
});

t.test("containers in which nothing can be executed: 255", async (t) => {
  const c = runContainer(t);
  t.match(c.call(["exec", "absent", "true"]), {
    status: 255,
    stderr: /exec failed: container does not exist/,
  });
  t.equal(c.kill("KILL").status, 0);
  t.ok(c.waitFor("stopped"));
  t.match(c.exec(["true"]), {
    status: 255,
    stderr: /exec failed: cannot exec in a stopped container/,
  });
});

t.test("exec in a container that was created and not started", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "1000"]));
  t.equal(c.create().status, 0);
  t.match(c.call(["exec", c.id, "hostname"]), { status: 0, stdout: "test\n" });
  t.equal(c.status(), "created");
});

t.test("exec without a program, and without a container", async (t) => {
  const c = runContainer(t);
  t.match(c.exec([]), { status: 255, stderr: /exec failed: .*args cannot be empty/ });
  const { status, stdout, stderr } = c.call(["exec"]);
  t.equal(status, 1);
  t.match(stdout, /^Incorrect Usage\.\n/);
  t.match(stderr, `${runtime.split("/").at(-1)}: \\"exec\\" requires a minimum of 1 argument(s)`);
});

t.test(
  "the configuration is that of the create, whatever config.json says now",
  { skip: notWith("runc", "reads config.json of the bundle again") },
  async (t) => {
    const c = runContainer(t);
    writeFileSync(join(c.bundle, "config.json"), "changed");
    t.equal(c.exec(["true"]).status, 0);
  },
);

t.test("exec after exec: what the first wrote the second reads", async (t) => {
  const c = runContainer(t);
  t.equal(c.exec(shell("echo kept > /tmp/file")).status, 0);
  t.equal(c.exec(["cat", "/tmp/file"]).stdout, "kept\n");
});
