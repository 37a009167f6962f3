import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare } from "./support/container.ts";

t.test("create and run --detach write the pid, decimal without a newline", async (t) => {
  for (const detach of [false, true]) {
    const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
    const flags = ["--pid-file", c.pidFile];
    t.equal((detach ? c.run(["--detach", ...flags]) : c.create(flags)).status, 0);
    t.equal(readFileSync(c.pidFile, "utf8"), String(c.state().pid));
    t.equal(statSync(c.pidFile).mode & 0o777, 0o666 & ~process.umask());
  }
});

t.test("an existing file is replaced at once, nothing else remains", async (t) => {
  const c = prepare(t);
  const directory = join(c.bundle, "pids");
  mkdirSync(directory);
  const file = join(directory, "pid");
  writeFileSync(file, "old content that is long");
  const before = statSync(file).ino;
  t.equal(c.create(["--pid-file", file]).status, 0);
  t.equal(readFileSync(file, "utf8"), String(c.state().pid));
  t.not(statSync(file).ino, before, "by rename");
  t.strictSame(readdirSync(directory), ["pid"]);
});

t.test("a relative path is of the caller's directory, not of the bundle", async (t) => {
  const c = prepare(t);
  const elsewhere = join(c.bundle, "elsewhere");
  mkdirSync(elsewhere);
  t.equal(c.create(["--pid-file", "mine"], { cwd: elsewhere }).status, 0);
  t.equal(readFileSync(join(elsewhere, "mine"), "utf8"), String(c.state().pid));
});

t.test("a pid file that cannot be written fails and leaves no container", async (t) => {
  const c = prepare(t);
  const { status } = c.create(["--pid-file", "/nowhere/pid"]);
  t.equal(status, 1);
  t.notOk(existsSync(join(c.root, c.id)));
});

t.test("no file when create fails", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["absent"]));
  t.equal(c.create(["--pid-file", c.pidFile]).status, 1);
  t.notOk(existsSync(c.pidFile));
});
