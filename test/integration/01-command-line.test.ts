import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare } from "./support/container.ts";
import { kind, run, scratch } from "./support/runtime.ts";

const runcLike = kind === "crun" ? "crun has its own usage errors" : false;

t.test("an unknown command is an error with status 3", { skip: runcLike }, async (t) => {
  const { status, stderr } = run(["frobnicate"]);
  t.equal(status, 3);
  t.match(stderr, "No help topic for 'frobnicate'");
});

t.test("an unknown flag is an error with the usage on stdout", { skip: runcLike }, async (t) => {
  for (const args of [["--frobnicate"], ["state", "--frobnicate", "x"]]) {
    const { status, stdout, stderr } = run(args);
    t.equal(status, 1);
    t.match(stderr, "flag provided but not defined: -frobnicate");
    t.match(stdout, "Incorrect Usage");
  }
});

t.test("a wrong number of arguments names the number", { skip: runcLike }, async (t) => {
  for (const command of ["create", "start", "state", "delete", "run"]) {
    for (const args of [[], ["a", "b"]]) {
      const { status, stdout, stderr } = run([command, ...args]);
      t.equal(status, 1);
      t.match(stdout, "Incorrect Usage.");
      t.match(stderr, new RegExp(`\\\\?"${command}\\\\?" requires exactly 1 argument\\(s\\)`));
    }
  }
  t.match(run(["kill"]).stderr, /\\?"kill\\?" requires a minimum of 1 argument/);
  t.match(run(["kill", "a", "b", "c"]).stderr, /\\?"kill\\?" requires a maximum of 2 argument/);
  t.match(run(["list", "a"]).stderr, /\\?"list\\?" requires exactly 0 argument/);
  t.match(run(["spec", "a"]).stderr, /\\?"spec\\?" requires exactly 0 argument/);
});

t.test("a flag without its value says so", async (t) => {
  for (const args of [["create", "--bundle"], ["--root"], ["create", "-b"]]) {
    const { status, stdout, stderr } = run(args);
    t.not(status, 0);
    t.match(stdout + stderr, /flag needs an argument|requires an argument/);
  }
});

t.test("flags may follow the id, take = or the next word, and one dash", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  const pidFile = join(c.bundle, "pid");
  const dash = kind === "crun" ? "--" : "-";
  const created = c.call(["create", `${dash}bundle=${c.bundle}`, c.id, "--pid-file", pidFile]);
  t.match(created, { status: 0, stderr: "" });
  t.match(readFileSync(pidFile, "utf8"), /^\d+$/);
  t.match(c.call(["delete", c.id, "--force=true"]), { status: 0, stdout: "", stderr: "" });
});

t.test("-- ends the flags", async (t) => {
  t.match(run(["state", "--", "absent"]).stderr, "does not exist");
});

t.test("a boolean flag takes =false", { skip: runcLike }, async (t) => {
  const { status, stderr } = run(["--debug=false", "state", "absent"]);
  t.equal(status, 1);
  t.notMatch(stderr, "level=debug");
  t.match(run(["--debug=maybe", "state", "absent"]).stderr, /invalid (boolean )?value/);
});

t.test("--root / is refused", { skip: runcLike }, async (t) => {
  const { status, stderr } = run(["--root", "/", "list"]);
  if (kind === "runc") return t.equal(status, 0, "runc 1.1 took it");
  t.equal(status, 1);
  t.match(stderr, "--root argument should not be set to /");
});

t.test("--root is made when missing, for root alone", async (t) => {
  const parent = mkdtempSync(join(scratch, "root-"));
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  const deep = join(parent, "a/b");
  t.match(run(["--root", deep, "run", "--bundle", c.bundle, c.id]), { status: 0, stderr: "" });
  t.match(run(["--root", deep, "state", c.id]).stderr, "does not exist");
});

t.test("--criu is taken and does nothing", { skip: runcLike }, async (t) => {
  const { status, stderr } = run(["--criu", "/nowhere", "state", "absent"]);
  t.equal(status, 1);
  t.match(stderr, "container does not exist");
});

t.test("--rootless takes true, false, auto and nothing else", { skip: runcLike }, async (t) => {
  for (const value of ["true", "false", "auto"]) {
    t.match(run([`--rootless=${value}`, "state", "absent"]).stderr, "does not exist");
  }
  const c = prepare(t);
  const { status, stderr } = c.call(["--rootless=perhaps", "create", "--bundle", c.bundle, c.id]);
  t.equal(status, 1);
  t.match(stderr, "perhaps");
});

t.test("ids with other than [A-Za-z0-9_+.-] are refused", async (t) => {
  const c = prepare(t);
  for (const id of ["a/b", "..", ".", "a b", "ä", "a\nb", "../x"]) {
    const { status, stderr } = c.call(["create", "--bundle", c.bundle, id]);
    t.equal(status, 1, JSON.stringify(id));
    if (kind !== "crun") t.match(stderr, "invalid container ID format");
  }
  if (kind !== "crun") {
    t.match(c.call(["create", "--bundle", c.bundle, ""]).stderr, "container id cannot be empty");
  }
});
