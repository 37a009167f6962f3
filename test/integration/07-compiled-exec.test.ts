// An exec that was done before is done by the launcher, from a file in the state directory. Whoever calls must not be
// able to tell; and whatever is not as it was when the file was made is for the engine.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { type Config, type Container, shell } from "./support/container.ts";
import { engineWasCalled, launcherAlone, seen, sleeper } from "./support/launcher.ts";
import { execute, onlyTsrun, type Result, runtime } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

const own = { skip: onlyTsrun("the files of exec") };
const alone = own.skip === false ? launcherAlone() : "";

function running(t: Test, edit?: (config: Config) => void): Container {
  const c = sleeper(t, edit);
  t.match(c.start(), { status: 0 });
  return c;
}

/** exec by a launcher that has no engine. */
function execAlone(c: Container, words: readonly string[], input?: string): Result {
  return execute(alone, ["--root", c.root, "exec", ...words], { input });
}

const kept = (c: Container): string[] =>
  readdirSync(join(c.root, c.id)).filter((name) => /^exec\.\d+$/.test(name));

function processFile(c: Container, args: readonly string[], more: object = {}): string {
  const file = join(c.bundle, "process.json");
  writeFileSync(file, JSON.stringify({ cwd: "/", args, env: ["PATH=/bin"], ...more }));
  return file;
}

/** Runs a command twice: what the caller sees of the engine, and what of the launcher. */
function twice(c: Container, words: readonly string[], input?: string): [unknown, unknown] {
  const log = join(c.bundle, "log");
  const flags = ["--root", c.root, "--log", log, "--log-format=json", "exec"];
  const [first, second] = [runtime, alone].map((program) => {
    rmSync(log, { force: true });
    return seen(c, execute(program, [...flags, ...words], { input }), log);
  });
  return [first, second];
}

t.test("the second time is the launcher's, with the same to see", own, async (t) => {
  const c = running(t);
  const commands: readonly { words: readonly string[]; input?: string }[] = [
    { words: [c.id, "true"] },
    { words: [c.id, ...shell("exit 7")] },
    { words: [c.id, ...shell("kill -9 $$")] },
    { words: [c.id, ...shell("echo out; echo err >&2; cat; exit 3")], input: "from stdin\n" },
    {
      words: [c.id, ...shell("echo to >/dev/stderr; ls /proc/self/fd | wc -l; pwd; id; ulimit -n")],
    },
    { words: [c.id, ...shell("echo $HOME $PATH; cat /proc/self/cgroup; umask")] },
    { words: [c.id, ...shell("grep -E '^(Cap|NoNew|Seccomp:|Sig(Blk|Ign))' /proc/self/status")] },
    { words: ["--process", processFile(c, ["id", "-G"], { user: { uid: 5, gid: 6 } }), c.id] },
    { words: ["-d", c.id, ...shell("exit 4")] },
    { words: ["--detach=true", c.id, "true"] },
  ];
  for (const { words, input } of commands) {
    const [engine, launcher] = twice(c, words, input);
    if (words[0] === "--detach=true") t.match(launcher, { stdout: `${engineWasCalled}\n` });
    else t.strictSame(launcher, engine, words.join(" "));
  }
});

t.test("the pid file has the number of a process in the container", own, async (t) => {
  const c = running(t);
  const file = join(c.bundle, "pid");
  const words = ["--detach", "--pid-file", file, "-p", processFile(c, ["sleep", "60"]), c.id];
  t.match(c.call(["exec", ...words]), { status: 0, stdout: "", stderr: "" });
  rmSync(file);
  t.match(execAlone(c, words), { status: 0, stdout: "", stderr: "" });
  const pid = readFileSync(file, "utf8");
  t.match(pid, /^[1-9]\d*$/);
  t.equal(readFileSync(`/proc/${pid}/comm`, "utf8"), "sleep\n");
  const namespace = (of: string): string => execute("/bin/readlink", [`/proc/${of}/ns/pid`]).stdout;
  t.equal(namespace(pid), namespace(String(c.state().pid)));
  writeFileSync(join(c.bundle, ".pid"), "");
  t.match(execAlone(c, words), { stdout: `${engineWasCalled}\n` }, "left by another writer");
});

t.test("signals are passed on, and the end by one is 128 and its number", own, async (t) => {
  const c = running(t);
  const words = [
    c.id,
    ...shell("trap 'echo got; kill $!; exit 9' TERM; sleep 60 & echo ready; wait"),
  ];
  for (const program of [runtime, alone]) {
    const child = spawn(program, ["--root", c.root, "exec", ...words]);
    const closed = once(child, "close");
    const said: string[] = [];
    child.stdout.on("data", (data: Buffer) => {
      said.push(data.toString());
      if (said.join("") === "ready\n") child.kill("SIGTERM");
    });
    t.strictSame(await closed, [9, null]);
    t.equal(said.join(""), "ready\ngot\n");
  }
});

t.test("much input and output goes through whole", own, async (t) => {
  const c = running(t);
  const input = "0123456789abcdef".repeat(60_000);
  t.match(c.call(["exec", c.id, "true"]), { status: 0 });
  t.match(execute(runtime, ["--root", c.root, "exec", c.id, "cat"], { input }), { stdout: input });
  t.equal(execAlone(c, [c.id, "cat"], input).stdout, input);
});

t.test("what is asked for differently is the engine's", own, async (t) => {
  const c = running(t);
  t.match(c.call(["exec", c.id, "true"]), { status: 0 });
  t.match(execAlone(c, [c.id, "true"]), { status: 0, stdout: "" });
  const others = [
    [c.id, "true", "more"],
    ["--detach", c.id, "true"],
    ["--env", "A=b", c.id, "true"],
    ["--tty", c.id, "true"],
    ["--cwd", "/tmp", c.id, "true"],
    ["--user", "1", c.id, "true"],
    ["--pid-file", "", c.id, "true"],
    ["--preserve-fds", "1", c.id, "true"],
    ["--ignore-paused", c.id, "true"],
    ["--process", processFile(c, ["true"]), c.id],
    [c.id],
    [],
  ];
  for (const words of others) {
    t.match(execAlone(c, words), { stdout: `${engineWasCalled}\n` }, words.join(" "));
  }
});

t.test("what is not as it was is the engine's", own, async (t) => {
  const c = running(t, (config) => (config.process.env = ["PATH=/bin"]));
  const passwd = join(c.rootfs, "etc/passwd");
  const home = (): Result => c.call(["exec", c.id, ...shell("echo $HOME")]);
  home();
  const words = [c.id, ...shell("echo $HOME")];
  t.match(execAlone(c, words), { stdout: home().stdout });
  writeFileSync(passwd, "root:x:0:0::/elsewhere:/bin/sh\n");
  t.match(execAlone(c, words), { stdout: `${engineWasCalled}\n` }, "another passwd");
  t.equal(home().stdout, "/elsewhere\n");
  t.equal(execAlone(c, words).stdout, "/elsewhere\n");

  const file = processFile(c, ["echo", "one"]);
  const fromFile = ["--process", file, c.id];
  c.call(["exec", ...fromFile]);
  t.equal(execAlone(c, fromFile).stdout, "one\n");
  processFile(c, ["echo", "two"]);
  t.match(execAlone(c, fromFile), { stdout: `${engineWasCalled}\n` }, "another process");

  const state = join(c.root, c.id, "state.json");
  writeFileSync(`${state}.new`, readFileSync(state));
  renameSync(`${state}.new`, state);
  t.match(execAlone(c, words), { stdout: `${engineWasCalled}\n` }, "another state");
});

t.test("a container that is paused, stopped or gone is the engine's to refuse", own, async (t) => {
  const c = running(t);
  const words = [c.id, "true"];
  const called = { stdout: `${engineWasCalled}\n` };
  c.call(["exec", ...words]);
  t.match(execAlone(c, words), { status: 0, stdout: "" });
  if (c.call(["pause", c.id]).status === 0) {
    t.match(execAlone(c, words), called);
    c.call(["resume", c.id]);
  }
  c.kill("KILL");
  c.waitFor("stopped");
  t.match(execAlone(c, words), called);
  c.delete();
  t.match(execAlone(c, words), called);
});

t.test("a program that is not there is not kept, nor one that is gone since", own, async (t) => {
  const c = running(t);
  const words = [c.id, "/tool"];
  t.match(c.call(["exec", ...words]), { status: 255 });
  t.strictSame(kept(c), []);
  const tool = join(c.rootfs, "tool");
  writeFileSync(tool, "#!/bin/sh\necho tool\n", { mode: 0o755 });
  t.match(c.call(["exec", ...words]), { stdout: "tool\n" });
  t.match(execAlone(c, words), { stdout: "tool\n" });
  rmSync(tool);
  t.match(execAlone(c, words), { stdout: `${engineWasCalled}\n` });
  t.strictSame(...twice(c, [c.id, "true"]));
});

t.test("there are never more than a few, whatever is executed", own, async (t) => {
  const c = running(t);
  for (let n = 0; n < 24; n++) c.call(["exec", c.id, "true", String(n)]);
  t.ok(kept(c).length <= 16, String(kept(c).length));
  t.ok(kept(c).length > 4);
  c.delete("--force");
  t.notOk(existsSync(join(c.root, c.id)));
});

t.test("nothing is left of processes that were executed", own, async (t) => {
  const c = running(t);
  for (let n = 0; n < 10; n++) c.call(["exec", c.id, "true"]);
  const processes = (): unknown[] =>
    JSON.parse(c.call(["ps", "--format", "json", c.id]).stdout) as unknown[];
  t.ok(until(() => processes().length === 1));
});
