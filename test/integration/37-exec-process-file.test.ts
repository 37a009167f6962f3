import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { shell } from "./support/container.ts";
import { type Running, runContainer } from "./support/exec.ts";
import { statusFields } from "./support/process.ts";
import { execute, kind, notWith, onlyTsrun, runcBefore, runtime } from "./support/runtime.ts";

/** `exec --process` with this content of the file. */
function execFile(
  c: Running,
  content: unknown,
  flags: readonly string[] = [],
  words: string[] = [],
) {
  const file = join(c.bundle, "process.json");
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return c.exec(words, ["--process", file, ...flags]);
}

t.test("the file says what is run, and the command line has no say", async (t) => {
  const c = runContainer(t, (config) => config.process.env.push("OF=container"));
  const wanted = {
    args: shell("id -u; id -g; id -G; pwd; umask; env; ulimit -n"),
    cwd: "/tmp",
    env: ["PATH=/bin", "A=1"],
    user: { uid: 7, gid: 8, additionalGids: [9], umask: 0o77 },
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 99, hard: 99 }],
  };
  const flags = ["--cwd", "/", "--env", "B=2", "--user", "1000"];
  const { status, stdout } = execFile(c, wanted, flags, ["echo", "ignored"]);
  t.equal(status, 0);
  if (kind !== "tsrun") return t.match(stdout, /^7\n8\n8 9\n\/tmp\n/);
  t.match(stdout, /^7\n8\n8 9\n\/tmp\n0077\n/);
  t.match(stdout, /^A=1$/m);
  t.match(stdout, /\n99\n$/);
  t.notMatch(stdout, /^(B|OF)=/m);
});

t.test("rights and limits that the file does not name are the container's", async (t) => {
  const c = runContainer(t, (config) => {
    config.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 123, hard: 456 }];
    config.process.oomScoreAdj = 321;
    config.process.user = { uid: 5, gid: 5, umask: 0o27 };
  });
  const script = "cat /proc/self/status; cat /proc/self/oom_score_adj; ulimit -n; umask";
  const { stdout } = execFile(c, { args: ["/bin/sh", "-c", script], cwd: "/" });
  const own = statusFields(c.exec(["cat", "/proc/1/status"]).stdout);
  t.equal(statusFields(stdout).CapBnd, own.CapBnd);
  t.match(statusFields(stdout).Uid, /^0\t/, "the user is root where the file names none");
  if (kind !== "crun") t.equal(statusFields(stdout).NoNewPrivs, "0", "as runc has it");
  t.match(stdout, /^321$/m);
  if (kind === "tsrun") t.match(stdout, /\n123\n0027\n$/);
});

t.test("the file may be a pipe", async (t) => {
  const c = runContainer(t);
  const json = '{"args": ["/bin/echo", "piped"], "cwd": "/"}';
  const command = `${runtime} --root ${c.root} exec --process <(echo '${json}') ${c.id}`;
  t.match(execute("/bin/bash", ["-c", command]), { status: 0, stdout: "piped\n" });
});

t.test("files that cannot be read, and those that are wrong: 255", async (t) => {
  const c = runContainer(t);
  t.match(c.exec([], ["-p", "/absent"]), {
    status: 255,
    stderr: /exec failed: open \/absent: no such file or directory/,
  });
  for (const [content, words] of [
    [{}, /exec failed: .*Cwd property must not be empty/],
    [{ cwd: "tmp", args: ["x"] }, /exec failed: .*Cwd must be an absolute path/],
    [{ cwd: "/" }, /exec failed: .*args must not be empty/],
    ['{"cwd": "/", ', /exec failed: /],
    [{ cwd: "/", args: 5 }, /exec failed: .*args/],
  ] as const) {
    const { status, stderr } = execFile(c, content);
    t.not(status, 0);
    if (kind !== "crun") t.match({ status, stderr }, { status: 255, stderr: words });
  }
});

t.test(
  "an error names the line of the file, or of config.json",
  { skip: onlyTsrun("where an error comes from") },
  async (t) => {
    const c = runContainer(t);
    const text = '{\n  "args": ["/absent"],\n  "cwd": "/"\n}';
    t.match(execFile(c, text).stderr, /\/args\/0 at .*process\.json:2:12/);
    const wrong = '{\n  "args": ["x"],\n  "cwd": "/",\n  "oomScoreAdj": "high"\n}';
    t.match(execFile(c, wrong).stderr, /\/oomScoreAdj at .*process\.json:4:\d+/);
    const { stderr } = c.exec(["/absent"]);
    t.notMatch(stderr, "config.json", "what the command line says is in no file");
    const bad = c.exec(["true"], ["--env", "X"]);
    t.notMatch(bad.stderr, "config.json:");
  },
);

t.test(
  "CPUs of execCPUAffinity",
  { skip: runcBefore("1.3", "no execCPUAffinity") || notWith("crun", "another format") },
  async (t) => {
    const c = runContainer(t);
    const list = statusFields(
      execFileSync("cat", ["/proc/self/status"], { encoding: "utf8" }),
    ).Cpus_allowed_list!;
    const cpu = /^\d+/.exec(list)![0];
    const allowed = (execCPUAffinity: object) => {
      const { stdout } = execFile(c, {
        args: ["/bin/cat", "/proc/self/status"],
        cwd: "/",
        execCPUAffinity,
      });
      return statusFields(stdout).Cpus_allowed_list;
    };
    t.equal(allowed({ final: cpu }), cpu);
    t.equal(allowed({ initial: cpu, final: cpu }), cpu);
    t.equal(c.exec(["cat", "/proc/self/cgroup"]).status, 0);
    const wrong = execFile(c, { args: ["x"], cwd: "/", execCPUAffinity: { initial: "x" } });
    t.equal(wrong.status, 255);
  },
);

t.test(
  "a caller that is bound to some CPUs does not bind the process",
  { skip: runcBefore("1.3", "hands its affinity on") || notWith("crun", "hands its affinity on") },
  async (t) => {
    const c = runContainer(t);
    const allowed = (words: readonly string[]) =>
      statusFields(execute(words[0]!, words.slice(1)).stdout).Cpus_allowed_list;
    const command = [runtime, "--root", c.root, "exec", c.id, "cat", "/proc/self/status"];
    const free = allowed(command);
    const first = /^\d+/.exec(free!)![0];
    t.equal(allowed(["/usr/bin/taskset", "-c", first, ...command]), free);
  },
);
