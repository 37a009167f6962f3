// What others on the host prepare for the runtime: its environment, its state directory.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare, type Container } from "./support/container.ts";
import { runContainer } from "./support/exec.ts";
import { execute, kind, notWith, runtime, scratch } from "./support/runtime.ts";

t.setTimeout(600_000); // the lab has one slow processor
chmodSync(scratch, 0o711);

// -- the environment

/** A library and a script that leave a witness when anything loads them. */
function makePoison(directory: string): { env: Record<string, string>; witness: string } {
  const witness = join(directory, "witness");
  const library = join(directory, "evil.so");
  const script = join(directory, "evil.cjs");
  mkdirSync(join(directory, "node_modules/zod"), { recursive: true });
  const source = `#include <fcntl.h>
    #include <unistd.h>
    __attribute__((constructor)) static void leave(void) { close(open("${witness}", O_CREAT | O_WRONLY, 0600)); }
    void gconv_init(void) { leave(); } void gconv(void) {}`;
  const made = spawnSync("cc", ["-shared", "-fPIC", "-x", "c", "-", "-o", library], {
    input: source,
    encoding: "utf8",
  });
  if (made.status !== 0) throw new Error(made.stderr);
  const poison = `require("node:fs").writeFileSync(${JSON.stringify(witness)}, "")`;
  writeFileSync(script, poison);
  writeFileSync(join(directory, "node_modules/zod/index.js"), poison);
  writeFileSync(join(directory, "gconv-modules"), `module INTERNAL UTF-16// ${library} 1\n`);
  const openssl = `openssl_conf = x\nnodejs_conf = x\n[x]\nengines = y\n[y]\nz = w\n[w]\ndynamic_path = ${library}\ninit = 1\n`;
  writeFileSync(join(directory, "openssl.cnf"), openssl);
  writeFileSync(join(directory, "sh-env"), `touch ${witness}\n`);
  return {
    witness,
    env: {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      NODE_OPTIONS: `--require=${script}`,
      NODE_PATH: join(directory, "node_modules"),
      NODE_EXTRA_CA_CERTS: script,
      NODE_V8_COVERAGE: join(directory, "coverage"),
      NODE_COMPILE_CACHE: join(directory, "cache"),
      NODE_REDIRECT_WARNINGS: join(directory, "warnings"),
      NODE_DEBUG: "fs,module",
      NODE_PENDING_DEPRECATION: "1",
      NODE_ICU_DATA: directory,
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
      LD_PRELOAD: library,
      LD_AUDIT: library,
      LD_LIBRARY_PATH: directory,
      LD_DEBUG: "all",
      OPENSSL_CONF: join(directory, "openssl.cnf"),
      OPENSSL_MODULES: directory,
      OPENSSL_ENGINES: directory,
      SSL_CERT_FILE: script,
      GCONV_PATH: directory,
      LOCPATH: directory,
      LC_ALL: "tr_TR.UTF-16",
      LANG: "tr_TR.UTF-16",
      LANGUAGE: "tr",
      TZ: ":/etc/passwd",
      MALLOC_CHECK_: "3",
      GLIBC_TUNABLES: "glibc.malloc.check=3",
      UV_THREADPOOL_SIZE: "1",
      UV_USE_IO_URING: "1",
      BASH_ENV: join(directory, "sh-env"),
      ENV: join(directory, "sh-env"),
      TMPDIR: join(directory, "nowhere"),
      HOME: directory,
      TSRUN_FDS: "99",
      TSRUN_NOFILE: "1:1",
      POISON: "yes",
    },
  };
}

t.test(
  "nothing of the caller's environment steers the runtime or is in the container",
  async (t) => {
    const c = prepare(t, (config) => {
      config.process.env = ["PATH=/bin", "OWN=1"];
      config.process.args = ["env"];
    });
    const { env, witness } = makePoison(join(c.bundle, "poison"));
    execute("/bin/true", [], { env });
    t.ok(existsSync(witness), "another program loads it");
    rmSync(witness);
    const before = readdirSync(join(c.bundle, "poison"));
    const seen = join(c.bundle, "seen");
    c.configure((config) => {
      const hook = { path: "/usr/bin/env", env: ["HOOK=1"] };
      const script = `/usr/bin/env > ${seen}`;
      config.hooks = {
        createRuntime: [{ ...hook, path: "/bin/sh", args: ["sh", "-c", script] }],
      };
    });
    const done = c.run([], { env });
    t.equal(done.status, 0, done.stderr);
    const names = done.stdout
      .trim()
      .split("\n")
      .map((line) => line.split("=")[0]);
    t.strictSame(new Set(names.filter((name) => name !== "HOME")), new Set(["PATH", "OWN"]));
    t.notMatch(done.stdout, "poison");
    t.notMatch(readFileSync(seen, "utf8"), /POISON|NODE_|LD_|poison/);
    t.notMatch(done.stderr, /node|warning/i);
    if (kind !== "tsrun") return; // programs of the distribution, which the dynamic linker loads
    t.notOk(existsSync(witness), "nothing of it was loaded");
    t.strictSame(readdirSync(join(c.bundle, "poison")), before, "and nothing written");
  },
);

t.test("neither in exec, nor in init before it has become the program", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  const { env, witness } = makePoison(join(c.bundle, "poison"));
  t.equal(c.create([], { env }).status, 0, c.stderr());
  const { pid, created } = c.state();
  if (kind !== "crun") t.notMatch(readFileSync(`/proc/${pid}/environ`, "latin1"), /poison/i);
  t.match(created, /^20\d\d-\d\d-\d\dT[\d:.]+Z$/, "in UTC, whatever TZ says");
  t.equal(c.start({ env }).status, 0);
  const { stdout } = c.call(["exec", c.id, "env"], { env });
  t.match(stdout, /^PATH=/m);
  t.notMatch(stdout, /poison/i);
  t.equal(c.call(["kill", c.id, "KILL"], { env }).status, 0, "words of C, whatever LC_ALL says");
  t.equal(c.call(["delete", "--force", c.id], { env }).status, 0);
  if (kind === "tsrun") t.notOk(existsSync(witness));
});

// -- the state directory

const own = { skip: notWith("runc", "uses it") || notWith("crun", "uses it") };

/** A directory of somebody else, and a link to it where the caller takes --root to be. */
function plant(c: Container, mode: number, uid: number): string {
  const theirs = join(c.bundle, "theirs");
  mkdirSync(theirs);
  chownSync(theirs, uid, uid);
  chmodSync(theirs, mode);
  const link = join(c.bundle, "root");
  symlinkSync(theirs, link);
  return link;
}

for (const [what, mode, uid] of [
  ["that leads to a directory of somebody else", 0o755, 1234],
  ["that leads to a directory that everybody can write to", 0o777, 0],
] as const) {
  t.test(`a link in the place of --root ${what} is refused`, own, async (t) => {
    const c = prepare(t, (config) => (config.process.args = ["true"]));
    const link = plant(c, mode, uid);
    const { status, stderr } = execute(runtime, ["--root", link, "run", "-b", c.bundle, c.id]);
    t.equal(status, 1);
    t.match(stderr, /not to be trusted/);
    t.strictSame(readdirSync(link), []);
  });
}

t.test("a link in the place of --root to a directory of one's own is followed", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  const link = plant(c, 0o700, 0);
  t.equal(execute(runtime, ["--root", link, "run", "-b", c.bundle, c.id]).status, 0);
  t.notOk(existsSync(join(link, c.id)));
});

t.test("a state directory that somebody else has made decides nothing", own, async (t) => {
  const c = runContainer(t);
  const { pid } = c.state();
  const theirs = join(c.root, "theirs");
  mkdirSync(theirs);
  const state = readFileSync(join(c.root, c.id, "state.json"), "utf8").replaceAll(c.id, "theirs");
  for (const file of ["state.json", "verbs"]) writeFileSync(join(theirs, file), state);
  chownSync(theirs, 1234, 1234);
  t.teardown(() => rmSync(theirs, { recursive: true, force: true }));
  for (const words of [
    ["state", "theirs"],
    ["kill", "theirs", "KILL"],
    ["delete", "--force", "theirs"],
    ["exec", "theirs", "true"],
  ]) {
    t.match(c.call(words), { status: words[0] === "exec" ? 255 : 1, stderr: /not to be trusted/ });
  }
  t.ok(existsSync(`/proc/${pid}`), "the process lives");
  t.ok(existsSync(join(theirs, "state.json")), "nothing was removed");
});

t.test(
  "delete --force removes a planted link, not what it leads to",
  { skip: notWith("crun", "removes both") },
  async (t) => {
    const c = prepare(t);
    mkdirSync(c.root, { recursive: true });
    const victim = join(c.bundle, "victim");
    mkdirSync(victim);
    writeFileSync(join(victim, "file"), "");
    symlinkSync(victim, join(c.root, c.id));
    c.delete("--force");
    t.ok(existsSync(join(victim, "file")));
    rmSync(join(c.root, c.id), { force: true });
  },
);

t.test("no command takes an id for a path", async (t) => {
  const c = prepare(t);
  mkdirSync(join(c.root, "x"), { recursive: true });
  const victim = join(c.root, "../victim");
  mkdirSync(victim, { recursive: true });
  writeFileSync(join(victim, "state.json"), "{}");
  for (const id of ["../victim", victim]) {
    for (const words of [
      ["exec", id, "true"],
      ["pause", id],
      ["resume", id],
      ["ps", id],
      ["events", "--stats", id],
      ["update", "--pids-limit", "5", id],
      ["kill", id, "KILL"],
      ["delete", "--force", id],
    ]) {
      // delete --force of what is not there is no error.
      const { status } = c.call(words, { timeout: 20_000 });
      if (words[0] !== "delete") t.not(status, 0, words.join(" "));
    }
  }
  t.strictSame(readdirSync(victim), ["state.json"]);
  rmSync(victim, { recursive: true });
});
