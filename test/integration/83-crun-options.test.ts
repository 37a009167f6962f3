// Options that crun has and runc has not. With TSRUN=crun the same tests say what crun does.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t from "tap";
import { root, shell, prepare, type Container } from "./support/container.ts";
import { requires } from "./support/host.ts";
import { kind, run, scratch } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

const skip = kind === "runc" ? "runc has no such options" : false;
const cgroups = skip || (kind === "crun" && requires("unified-cgroup"));

const sleeper = (t: Parameters<typeof prepare>[0]): Container =>
  prepare(t, (config) => {
    config.process.args = ["sleep", "1000"];
  });

t.test("--config names another file, from the current directory", { skip: cgroups }, async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = ["echo", "from the other file"];
  });
  const elsewhere = mkdtempSync(join(scratch, "config-"));
  copyFileSync(join(c.bundle, "config.json"), join(elsewhere, "other.json"));
  c.configure((config) => (config.process.args = ["echo", "from the usual file"]));
  t.equal(c.run(["--config", "other.json"], { cwd: elsewhere }).status, 0, c.stderr());
  t.equal(c.stdout(), "from the other file\n");
  t.equal(c.run(["-f", "config.json"], { cwd: elsewhere }).status, 0, c.stderr());
  t.match(c.stdout(), /from the usual file\n$/);
  const missing = c.call(["create", "-f", "missing.json", "--bundle", c.bundle, c.id], {
    cwd: elsewhere,
  });
  t.equal(missing.status, 1);
  t.match(missing.stderr, "missing.json");
});

t.test(
  "kill --regex signals all that match, and no match is no error",
  { skip: cgroups },
  async (t) => {
    const [one, two] = [sleeper(t), sleeper(t)];
    for (const c of [one, two]) t.equal(c.create().status, 0, c.stderr());
    const kill = (...words: string[]) => run(["--root", root, "kill", ...words]);
    t.match(kill("--regex", "^no-such-container$", "KILL"), { status: 0, stdout: "", stderr: "" });
    t.match(kill("-r", `^${one.id}$`, "KILL"), { status: 0, stdout: "", stderr: "" });
    t.ok(one.waitFor("stopped"));
    t.equal(two.status(), "created");
    t.match(kill("-r", `^(${one.id}x|${two.id})$`, "9"), { status: 0, stdout: "", stderr: "" });
    t.ok(two.waitFor("stopped"));
  },
);

t.test("delete --regex deletes all that match", { skip: cgroups }, async (t) => {
  const [one, two, other] = [sleeper(t), sleeper(t), sleeper(t)];
  for (const c of [one, two, other]) t.equal(c.create().status, 0, c.stderr());
  const remove = (...words: string[]) => run(["--root", root, "delete", ...words]);
  t.match(remove("--regex", "^no-such-container$"), { status: 0, stdout: "", stderr: "" });
  t.match(remove("--force", "-r", `^(${one.id}|${two.id})$`), {
    status: 0,
    stdout: "",
    stderr: "",
  });
  const left = () => run(["--root", root, "list", "-q"]).stdout.split("\n");
  t.notOk(left().includes(one.id) || left().includes(two.id));
  t.ok(left().includes(other.id));
});

const stricter = skip || (kind === "crun" ? "crun says nothing" : false);

t.test(
  "--regex: what is no regular expression, or cannot be done, is an error",
  { skip: stricter },
  async (t) => {
    const [one, two] = [sleeper(t), sleeper(t)];
    for (const c of [one, two]) c.run(["--detach"]);
    const remove = (...words: string[]) => run(["--root", root, "delete", ...words]);
    t.match(remove("-r", "("), { status: 1, stderr: "is no regular expression" });
    t.match(remove("-r", `^(${one.id}|${two.id})$`), {
      status: 1,
      stderr: /that is not stopped: running.* \(and 1 more failure\)/,
    });
    t.equal(remove("-f", "-r", `^t[[:digit:]]+-(${one.id.split("-")[1]})$`).status, 0);
    t.equal(one.call(["state", one.id]).status, 1);
    t.equal(two.status(), "running");
  },
);

t.test("real-time signals have names", { skip: cgroups }, async (t) => {
  const c = prepare(t, (config) => {
    const traps = 'for s in 34 35 37 63 64; do trap "echo $s" $s; done';
    config.process.args = shell(`${traps}; echo up; while :; do sleep 0.05; done`);
  });
  c.create();
  c.start();
  t.ok(until(() => c.stdout() === "up\n"));
  let expected = "up\n";
  const sent = { SIGRTMIN: 34, "RTMIN+1": 35, "SIGRTMIN+3": 37, "SIGRTMAX-1": 63, RTMAX: 64 };
  for (const [name, number] of Object.entries(sent)) {
    t.match(c.kill(name), { status: 0, stdout: "", stderr: "" }, name);
    expected += `${number}\n`;
    t.ok(
      until(() => c.stdout() === expected),
      `${name}: ${c.stdout()}`,
    );
  }
  for (const name of ["SIGRTMIN+40", "RTMAX-40", "RTMIN+"]) {
    t.match(c.kill(name), { status: 1, stderr: "unknown signal" }, name);
  }
});

t.test("--cgroup-manager disabled makes no cgroup", { skip: cgroups }, async (t) => {
  const c = sleeper(t);
  c.configure((config) => (config.linux.cgroupsPath = `/tests/${c.id}`));
  const flags = ["--root", root, "--cgroup-manager", "disabled"];
  const created = c.call([...flags.slice(2), "create", "--bundle", c.bundle, c.id], {
    output: { stdout: join(c.bundle, "stdout"), stderr: join(c.bundle, "stderr") },
  });
  t.equal(created.status, 0, c.stderr());
  const unified = (pid: number | "self") =>
    /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1];
  t.equal(unified(c.state().pid), unified("self"));
  t.equal(c.start().status, 0);
  t.match(c.call(["exec", c.id, "echo", "inside"]), { status: 0, stdout: "inside\n" });
  t.equal(c.call(["pause", c.id]).status, 1);
  t.equal(c.kill("KILL").status, 0);
  t.ok(c.waitFor("stopped"));
  t.match(c.delete(), { status: 0, stderr: "" });
});

t.test("--cgroup-manager disabled with a limit is an error", { skip: stricter }, async (t) => {
  const c = sleeper(t);
  c.configure((config) => (config.linux.resources = { memory: { limit: 50_000_000 } }));
  const { status, stderr } = c.call(["--cgroup-manager=disabled", "create", "-b", c.bundle, c.id]);
  t.equal(status, 1);
  t.match(stderr, "linux.resources.memory.limit can't be set: cgroups are disabled");
});

t.test("--cgroup-manager takes no other name", { skip }, async (t) => {
  const c = sleeper(t);
  const { status, stderr } = c.call(["--cgroup-manager", "other", "create", "-b", c.bundle, c.id]);
  t.equal(status, 1);
  t.match(stderr, "unknown cgroup manager");
});

t.test("--log file:FILE appends to the file", { skip }, async (t) => {
  const file = join(mkdtempSync(join(scratch, "log-")), "log");
  const call = (id: string) => run(["--log", `file:${file}`, "--log-format=json", "start", id]);
  t.equal(call("no-such-container").status, 1);
  t.equal(call("nor-this-one").status, 1);
  // crun puts each key on a line of its own.
  const records = readFileSync(file, "utf8")
    .trimEnd()
    .split(/\n(?=\{)/);
  t.equal(records.length, 2);
  for (const record of records) t.match(JSON.parse(record), { level: "error" });
});

t.test("--log-level error leaves warnings out", { skip: stricter }, async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = ["true"];
    config.process.capabilities!.bounding!.push("CAP_NO_SUCH");
  });
  const log = (level: string) => {
    const file = join(c.bundle, `log-${level}`);
    c.call(["--log", file, "--log-level", level, "run", "-b", c.bundle, c.id]);
    return readFileSync(file, "utf8");
  };
  t.match(log("warning"), /level=warning .*CAP_NO_SUCH/);
  t.equal(log("error"), "");
  t.match(log("debug"), /level=debug/);
  t.match(run(["--log-level", "info", "list"]), { status: 1, stderr: "invalid log-level: info" });
});

t.test("spec --file names the file", { skip }, async (t) => {
  const directory = mkdtempSync(join(scratch, "spec-"));
  mkdirSync(join(directory, "bundle"));
  t.match(run(["spec", "-f", "a.json"], { cwd: directory }), { status: 0, stdout: "", stderr: "" });
  t.match(run(["spec", "-b", "bundle", "--file=b.json"], { cwd: directory }), { status: 0 });
  for (const file of ["a.json", "bundle/b.json"]) {
    t.match(JSON.parse(readFileSync(join(directory, file), "utf8")), { process: { args: ["sh"] } });
  }
  t.notOk(existsSync(join(directory, "config.json")));
  if (kind === "crun") return; // overwrites it
  writeFileSync(join(directory, "a.json"), "mine");
  t.match(run(["spec", "-f", "a.json"], { cwd: directory }), {
    status: 1,
    stderr: "File a.json exists. Remove it first",
  });
});

t.test("create --no-subreaper is accepted", { skip: cgroups }, async (t) => {
  const c = sleeper(t);
  t.equal(c.create(["--no-subreaper"]).status, 0, c.stderr());
});

t.test("-V prints versions, -? and --usage help", { skip }, async (t) => {
  t.match(run(["-V"]), { status: 0, stdout: new RegExp(`^${kind} version \\S+\n`), stderr: "" });
  t.match(run(["-?"]), { status: 0, stdout: /^Usage: /, stderr: "" });
  t.match(run(["kill", "--usage"]), { status: 0, stdout: /^Usage: /, stderr: "" });
});
