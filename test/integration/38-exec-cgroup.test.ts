import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { shell } from "./support/container.ts";
import { type Running, runContainer } from "./support/exec.ts";
import { cgroupMount, requires } from "./support/host.ts";
import { begin } from "./support/parallel.ts";
import { kind, notWith } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

// Another runtime puts its containers into the v1 cgroups of a hybrid host.
const needs = kind === "tsrun" ? {} : { skip: requires("unified-cgroup") };

/** The v2 cgroup of a process as a directory. */
function cgroupOf(pid: number): string {
  return cgroupMount() + /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))![1]!;
}

/** A container with its cgroup, and cgroups below it that are removed again. */
function withCgroups(test: Test, ...below: string[]): { c: Running; own: string } {
  const c = runContainer(test);
  const own = cgroupOf(c.state().pid);
  for (const name of below) mkdirSync(join(own, name));
  test.teardown(() => {
    c.kill("KILL");
    c.waitFor("stopped");
    for (const name of below.toReversed()) until(() => removed(join(own, name)));
  });
  return { c, own };
}

function removed(path: string): boolean {
  try {
    if (existsSync(path)) rmdirSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Where a process that exec starts finds itself. */
function place(c: Running, ...flags: string[]): string {
  const { stdout, stderr } = c.exec(["cat", "/proc/self/cgroup"], flags);
  return cgroupMount() + (/^0::(.*)$/m.exec(stdout)?.[1] ?? stderr);
}

t.test("--cgroup: a cgroup below the container's, which must exist", needs, async (t) => {
  const { c, own } = withCgroups(t, "one", "one/two");
  t.equal(place(c), own);
  t.equal(place(c, "--cgroup", "one"), join(own, "one"));
  t.equal(place(c, "--cgroup", "/one/two"), join(own, "one/two"));
  t.equal(place(c, "--cgroup", "one/two/.."), join(own, "one"));
  t.equal(place(c, "--cgroup", "/"), own);
  const { status, stderr } = c.exec(["true"], ["--cgroup", "absent"]);
  if (kind === "crun") return t.not(status, 0);
  t.equal(status, 255);
  t.match(stderr, / adding pid \d+ to cgroups: .*no such file or directory/);
});

t.test(
  "--cgroup cannot lead out of the container's",
  { skip: needs.skip ?? notWith("crun", "takes it") },
  async (t) => {
    const { c, own } = withCgroups(t);
    mkdirSync(`${own}-next`);
    t.teardown(() => removed(`${own}-next`));
    const next = `../${own.split("/").at(-1)}-next`;
    for (const path of ["..", "../..", "/../", ...(kind === "tsrun" ? [next] : [])]) {
      t.match(
        c.exec(["true"], ["--cgroup", path]),
        { status: 255, stderr: /exec failed: .*is not a sub cgroup path/ },
        path,
      );
    }
  },
);

t.test(
  "--cgroup with a controller is for cgroup v1",
  { skip: needs.skip ?? notWith("crun", "takes it") },
  async (t) => {
    const c = runContainer(t);
    for (const [flags, words] of [
      [["cpu:one"], /unknown controller cpu /],
      [[":one"], /empty <controller> prefix/],
      [["one", "two"], /missing <controller>: prefix/],
    ] as const) {
      const { status, stderr } = c.exec(
        ["true"],
        flags.flatMap((flag) => ["--cgroup", flag]),
      );
      t.equal(status, 255);
      t.match(stderr, words);
    }
  },
);

t.test(
  "where the container's cgroup takes no processes, exec goes where init is",
  needs,
  async (t) => {
    const { c, own } = withCgroups(t, "init");
    const [controller] = readFileSync(join(own, "cgroup.controllers"), "utf8").trim().split(" ");
    if (!controller) return t.pass("no controller reaches it: nothing can make it refuse");
    writeFileSync(join(own, "init/cgroup.procs"), String(c.state().pid));
    t.equal(place(c), own, "for as long as it takes some");
    writeFileSync(join(own, "cgroup.subtree_control"), `+${controller}`);
    t.teardown(() => writeFileSync(join(own, "cgroup.subtree_control"), `-${controller}`));
    t.equal(place(c), join(own, "init"));
    const { status, stderr } = c.exec(["true"], ["--cgroup", "/"]);
    if (kind !== "crun") {
      t.equal(status, 255, "what was asked for is not replaced");
      t.match(stderr, / adding pid \d+ to cgroups: .*device or resource busy/);
    }
    t.equal(place(c, "--cgroup", "init"), join(own, "init"));
  },
);

t.test(
  "an initial CPU affinity: the process enters the cgroup before it runs",
  { skip: needs.skip ?? notWith("crun", "has another format") },
  async (t) => {
    const { c, own } = withCgroups(t, "sub");
    const file = join(c.bundle, "process.json");
    const wanted = {
      args: ["/bin/cat", "/proc/self/cgroup"],
      cwd: "/",
      execCPUAffinity: { initial: "0" },
    };
    writeFileSync(file, JSON.stringify(wanted));
    t.equal(place(c, "--process", file), own);
    t.equal(place(c, "--process", file, "--cgroup", "sub"), join(own, "sub"));
  },
);

t.test(
  "a paused container: refused, or waited for with --ignore-paused",
  { skip: needs.skip ?? notWith("crun", "does not know --ignore-paused") },
  async (t) => {
    const { c, own } = withCgroups(t);
    t.equal(c.call(["pause", c.id]).status, 0);
    t.teardown(() => c.call(["resume", c.id]));
    const words = "cannot exec in a paused container (use --ignore-paused to override)";
    const refused = c.exec(["true"]);
    t.equal(refused.status, 255);
    t.match(refused.stderr, `exec failed: ${words}`);
    const waiting = begin(["--root", c.root, "exec", "--ignore-paused", c.id, "echo", "ok"]);
    const inside = () => readFileSync(join(own, "cgroup.procs"), "utf8").trim().split("\n").length;
    t.ok(
      until(() => inside() === 2),
      "it waits with the others",
    );
    t.equal(waiting.child.exitCode, null);
    t.equal(c.call(["resume", c.id]).status, 0);
    t.match(await waiting.result, { status: 0, stdout: "ok\n" });
  },
);

t.test(
  "a process that is killed while it waits in a paused container leaves nothing",
  needs,
  async (t) => {
    if (kind !== "tsrun") return t.pass("tsrun's own");
    const { c, own } = withCgroups(t);
    t.equal(c.call(["pause", c.id]).status, 0);
    t.teardown(() => c.call(["resume", c.id]));
    const words = shell("touch /tmp/ran");
    const waiting = begin(["--root", c.root, "exec", "--ignore-paused", c.id, ...words]);
    const inside = () => readFileSync(join(own, "cgroup.procs"), "utf8").trim().split("\n");
    t.ok(until(() => inside().length === 2));
    waiting.child.kill("SIGKILL");
    await waiting.result;
    t.equal(c.call(["resume", c.id]).status, 0);
    t.ok(
      until(() => inside().length === 1),
      "it ends when it may run again",
    );
    t.notOk(existsSync(join(c.rootfs, "tmp/ran")));
  },
);
