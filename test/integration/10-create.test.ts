import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare, shell } from "./support/container.ts";
import { kind, notWith } from "./support/runtime.ts";

t.test("create prints nothing, and the program does not run before start", async (t) => {
  const c = prepare(t, (config) => (config.process.args = shell("echo started; sleep 100")));
  t.match(c.create(), { status: 0, stdout: "", stderr: "" });
  t.equal(c.status(), "created");
  t.equal(c.stdout(), "");
  t.match(c.start(), { status: 0, stdout: "", stderr: "" });
  t.equal(c.status(), "running");
});

t.test("the bundle is the current directory by default", async (t) => {
  const c = prepare(t);
  t.match(c.call(["create", c.id], { cwd: c.bundle, output: output(c.bundle) }), { status: 0 });
  t.equal(c.state().bundle, c.bundle);
});

t.test("a relative --bundle is made absolute in the state", async (t) => {
  const c = prepare(t);
  const created = c.call(["create", "--bundle", ".", c.id], {
    cwd: c.bundle,
    output: output(c.bundle),
  });
  t.match(created, { status: 0 });
  t.equal(c.state().bundle, c.bundle);
});

t.test(
  "the state directory has runc's modes",
  { skip: notWith("crun", "its own layout") },
  async (t) => {
    const c = prepare(t);
    c.create();
    const mode = (path: string) => statSync(path).mode & 0o7777;
    t.equal(mode(join(c.root, c.id)), 0o711);
    t.equal(mode(join(c.root, c.id, "state.json")), 0o600);
    t.equal(mode(c.root) & 0o077, kind === "runc" ? mode(c.root) & 0o077 : 0);
    t.ok(statSync(join(c.root, c.id, "exec.fifo")).isFIFO());
  },
);

t.test("an id that exists is refused and its container untouched", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.create();
  c.start();
  const { pid } = c.state();
  const second = c.call(["create", "--bundle", c.bundle, c.id]);
  t.equal(second.status, 1);
  if (kind !== "crun") {
    t.match(second.stderr, "container with given ID already exists");
  }
  t.match(c.state(), { pid, status: "running" });
});

t.test("a bundle that does not exist", async (t) => {
  const c = prepare(t);
  const { status, stderr } = c.call(["create", "--bundle", "/nowhere", c.id]);
  t.equal(status, 1);
  t.match(stderr, /\/nowhere.*[Nn]o such file or directory/);
});

t.test("a bundle without config.json", async (t) => {
  const c = prepare(t);
  const empty = join(c.bundle, "empty");
  mkdirSync(empty);
  const { status, stderr } = c.call(["create", "--bundle", empty, c.id]);
  t.equal(status, 1);
  if (kind !== "crun") t.match(stderr, "JSON specification file config.json not found");
  nothingLeft(t, c);
});

t.test("config.json that is no JSON", async (t) => {
  const c = prepare(t);
  for (const text of ["", "{", "[]", '"text"', "{}", "\0\0"]) {
    writeFileSync(join(c.bundle, "config.json"), text);
    const { status, stderr } = c.create();
    t.equal(status, 1, JSON.stringify(text));
    t.not(stderr, "");
    nothingLeft(t, c);
  }
});

t.test("a program that is not there fails at create", async (t) => {
  const c = prepare(t);
  const attempt = (program: string) => {
    c.configure((config) => (config.process.args = [program]));
    const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
    t.equal(status, 1, program);
    nothingLeft(t, c);
    return stderr;
  };
  const missing = attempt("frobnicate");
  const absolute = attempt("/bin/frobnicate");
  const plainFile = attempt("/etc/passwd");
  if (kind === "crun") return;
  t.match(missing, /exec: \\?"frobnicate\\?": executable file not found in \$PATH/);
  t.match(absolute, "no such file or directory");
  t.match(absolute, /exec: \\?"\/bin\/frobnicate\\?"/);
  t.match(plainFile, /exec: \\?"\/etc\/passwd\\?": permission denied/);
});

t.test("a root file system that is not there", async (t) => {
  const c = prepare(t, (config) => (config.root.path = "absent"));
  const { status, stderr } = c.create();
  t.equal(status, 1);
  t.match(stderr, "absent");
  nothingLeft(t, c);
});

t.test(
  "a root file system that is a symbolic link is refused",
  { skip: notWith("crun", "takes it") || notWith("runc", "checks the resolved path") },
  async (t) => {
    const c = prepare(t, (config) => (config.root.path = "link"));
    symlinkSync("rootfs", join(c.bundle, "link"));
    const { status, stderr } = c.create();
    t.equal(status, 1);
    t.match(stderr, /link/);
  },
);

t.test("an absolute root path works", async (t) => {
  const c = prepare(t);
  c.configure((config) => {
    config.root.path = c.rootfs;
    config.process.args = ["echo", "ok"];
  });
  c.run();
  t.equal(c.stdout(), "ok\n");
});

t.test(
  "a config without process can be created, and is refused at start",
  { skip: notWith("runc", "refused at create") },
  async (t) => {
    const c = prepare(t, (config) => Reflect.deleteProperty(config, "process"));
    t.match(c.create(), { status: 0, stderr: "" });
    t.equal(c.state().status, "created");
    const { status, stderr } = c.start();
    t.not(status, 0);
    if (kind === "tsrun") t.match(stderr, "process property must not be empty");
    t.ok(c.waitFor("stopped"));
    t.equal(c.delete().status, 0);
  },
);

t.test("a config without process is refused by run", async (t) => {
  const c = prepare(t, (config) => Reflect.deleteProperty(config, "process"));
  const { status, stderr } = c.run();
  t.not(status, 0);
  if (kind !== "crun") t.match(stderr, "process property must not be empty");
});

t.test("a relative cwd is refused", { skip: notWith("crun", "its own way") }, async (t) => {
  const c = prepare(t, (config) => (config.process.cwd = "tmp"));
  const { status, stderr } = c.create();
  t.equal(status, 1);
  t.match(stderr, "Cwd must be an absolute path");
});

t.test("unknown properties are ignored", async (t) => {
  const c = prepare(t, (config) => {
    Object.assign(config, { frobnicate: { a: 1 } });
    Object.assign(config.linux, { frobnicate: [1] });
    config.process.args = ["echo", "ok"];
  });
  t.equal(c.run().status, 0);
  t.equal(c.stdout(), "ok\n");
});

t.test("the bundle's config may change after create", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["echo", "first"]));
  c.create();
  c.configure((config) => (config.process.args = ["echo", "second"]));
  c.start();
  c.waitFor("stopped");
  t.equal(c.stdout(), "first\n");
});

t.test("the created process is a child of whoever called, in a session of its own", async (t) => {
  const c = prepare(t);
  c.create();
  const { pid } = c.state();
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  t.not(fields[1], "0");
  t.equal(Number(fields[3]), pid, "session id");
});

type Assert = { notOk(value: unknown, message: string): unknown };
function nothingLeft(t: Assert, c: { root: string; id: string }): void {
  t.notOk(existsSync(c.root) && readdirSync(c.root).includes(c.id), "no state directory");
}

function output(bundle: string): { stdout: string; stderr: string } {
  return { stdout: join(bundle, "stdout"), stderr: join(bundle, "stderr") };
}
