import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { prepare, shell, type Container } from "./support/container.ts";
import { cgroupMount, findProgram, requires } from "./support/host.ts";
import { kind, notWith, onlyTsrun } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.setTimeout(120_000);

const hasPs = findProgram("ps") !== null;
const table = {
  skip: hasPs ? notWith("crun", "its table has process ids alone") : "needs ps (package procps)",
};

function running(t: Test): Container {
  const c = prepare(t, (config) => {
    config.process.args = shell("sleep 1000 & sleep 1000 & wait");
  });
  c.create();
  c.start();
  t.ok(until(() => list(c)?.length === 3));
  return c;
}

const ps = (c: Container, ...args: string[]) => c.call(["ps", ...args]);

function list(c: Container): number[] | null {
  return JSON.parse(ps(c, "--format", "json", c.id).stdout) as number[] | null;
}

t.test("ps --format json is the processes, as the host numbers them", async (t) => {
  const c = running(t);
  const { status, stdout, stderr } = ps(c, "-f", "json", c.id);
  t.match({ status, stderr }, { status: 0, stderr: "" });
  if (kind !== "crun") t.match(stdout, /^\[\d+,\d+,\d+\]\n$/);
  const pids = JSON.parse(stdout) as number[];
  t.ok(pids.includes(c.state().pid));
  for (const pid of pids) t.match(readFileSync(`/proc/${pid}/cgroup`, "utf8"), c.id);
});

t.test("ps is the table of the host's ps -ef, of these processes alone", table, async (t) => {
  const c = running(t);
  const { status, stdout, stderr } = ps(c, c.id);
  t.match({ status, stderr }, { status: 0, stderr: "" });
  const [title, ...lines] = stdout.trimEnd().split("\n");
  t.match(title, /^UID +PID +PPID +C +STIME +TTY +TIME +CMD$/);
  const pids = lines.map((line) => Number(line.split(/\s+/)[1]));
  t.strictSame(new Set(pids), new Set(list(c)));
});

t.test("what follows the container's name is for ps", table, async (t) => {
  const c = running(t);
  const { stdout } = ps(c, c.id, "-e", "-o", "ppid,pid,args");
  const [title, ...lines] = stdout.trimEnd().split("\n");
  t.match(title, /^ *PPID +PID COMMAND$/);
  t.equal(lines.filter((line) => line.endsWith("sleep 1000")).length, 2, "the PID column is found");
  t.match(ps(c, c.id, "-e", "-x").stdout, / +PID +TTY +STAT +TIME +COMMAND/);
});

t.test("ps whose output has no PID column is refused", table, async (t) => {
  const c = running(t);
  const { status, stdout, stderr } = ps(c, c.id, "-eo", "args");
  t.match({ status, stdout }, { status: 1, stdout: "" });
  t.match(stderr, "couldn't find PID field in ps output");
  const failed = ps(c, c.id, "--no-such-option");
  t.equal(failed.status, 1);
  t.match(failed.stderr, /exit status 1: .*error/);
});

t.test(
  "without ps on the host the table is an error, and json works",
  {
    skip: onlyTsrun("the hint"),
  },
  async (t) => {
    const c = running(t);
    const env = { PATH: c.bundle };
    const { status, stderr } = c.call(["ps", c.id], { env });
    t.equal(status, 1);
    t.match(stderr, 'exec: \\"ps\\": executable file not found in $PATH');
    t.match(stderr, "--format json does without");
    t.match(c.call(["ps", "-f", "json", c.id], { env }), { status: 0 });
  },
);

t.test("a container without processes has an empty list", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  c.create();
  c.start();
  t.ok(c.waitFor("stopped"));
  if (kind !== "crun") t.match(ps(c, "-f", "json", c.id), { status: 0, stdout: "null\n" });
  t.match(ps(c, c.id), { status: 0 });
});

t.test("a wrong format and a container that is not there are refused", async (t) => {
  const c = running(t);
  t.match(ps(c, "--format", "yaml", c.id), {
    status: 1,
    stderr: /invalid (format option|ps format)/,
  });
  t.match(ps(c, "none"), { status: 1, stderr: /does not exist/ });
  if (kind === "tsrun") {
    const { stdout, stderr } = ps(c);
    t.match(stdout, /^Incorrect Usage\./);
    t.match(stderr, '\\"ps\\" requires a minimum of 1 argument(s)');
  }
});

t.test(
  "processes of nested cgroups are listed, of threaded ones too",
  {
    skip: onlyTsrun("a cgroup at this place") || requires("unified-cgroup"),
  },
  async (t) => {
    const c = running(t);
    const cgroup = join(
      cgroupMount(),
      /^0::(.*)$/m.exec(readFileSync(`/proc/${c.state().pid}/cgroup`, "utf8"))![1]!,
    );
    const before = list(c)!;
    const [nested, threaded] = [join(cgroup, "nested"), join(cgroup, "nested/threaded")];
    mkdirSync(nested);
    writeFileSync(join(nested, "cgroup.procs"), String(before[1]));
    t.strictSame(new Set(list(c)), new Set(before));
    mkdirSync(threaded);
    writeFileSync(join(threaded, "cgroup.type"), "threaded");
    writeFileSync(join(threaded, "cgroup.threads"), String(before[1]));
    t.strictSame(new Set(list(c)), new Set(before), "in a threaded cgroup");
    t.match(c.delete("--force"), { status: 0 });
    t.throws(() => rmdirSync(cgroup), { code: "ENOENT" }, "and go with the container");
  },
);
