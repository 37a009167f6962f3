import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { prepare } from "./support/container.ts";
import { execute, kind, onlyTsrun, runtime, scratch } from "./support/runtime.ts";

const skip = onlyTsrun("the launcher");
t.teardown(() => rmSync(scratch, { recursive: true, force: true }));

/** The runtime's files (links to them: the engine is large) in a directory of this name; returns dist/tsrun there. */
function installAt(name: string, without: readonly string[] = []): string {
  const from = dirname(runtime);
  const to = join(scratch, name);
  mkdirSync(join(to, "lib/tsrun"), { recursive: true });
  cpSync(runtime, join(to, "tsrun"));
  for (const file of ["engine", "tsrun.node", "init", "prefault.so"]) {
    if (!without.includes(file))
      symlinkSync(join(from, "lib/tsrun", file), join(to, "lib/tsrun", file));
  }
  return join(to, "tsrun");
}

t.test(
  "the engine starts with its memory mapped ahead, and hooks see nothing of it",
  { skip },
  (t) => {
    const c = prepare(t);
    const seen = join(c.bundle, "seen");
    const script = `{ grep -o 'prefault.so' /proc/$PPID/maps | sort -u; env; } > ${seen}`;
    c.configure((config) => {
      config.hooks = {
        createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", script], env: ["A=b"] }],
      };
    });
    t.equal(c.create().status, 0, c.stderr());
    const text = readFileSync(seen, "utf8");
    t.match(text, /^prefault\.so$/m);
    t.match(text, /^A=b$/m);
    t.notMatch(text, /LD_PRELOAD|TSRUN|UV_/);
    t.end();
  },
);

for (const { what, name, without } of [
  { what: "whose path has a space", name: "with space" },
  { what: "whose path has a colon", name: "with:colon" },
  { what: "whose path has a dollar", name: "with$LIB" },
  { what: "without prefault.so", name: "bare", without: ["prefault.so"] },
]) {
  t.test(`an installation ${what} works, silently`, { skip }, (t) => {
    const { status, stdout, stderr } = execute(installAt(name, without), ["--version"]);
    t.equal(stderr, "");
    t.equal(status, 0);
    t.match(stdout, /^tsrun version/);
    t.end();
  });
}

t.test("an installation without its engine says which file is missing", { skip }, (t) => {
  const { status, stderr } = execute(installAt("empty", ["engine"]), ["--version"]);
  t.equal(status, 1);
  t.match(stderr, /tsrun: cannot start .*lib\/tsrun\/engine: no such file or directory/);
  t.end();
});

t.test("what steers node or the dynamic linker is taken out of the environment", { skip }, (t) => {
  const env = {
    NODE_OPTIONS: "--no-such-option",
    LD_PRELOAD: "/no/such/library.so",
    LD_LIBRARY_PATH: "/no/such",
    OPENSSL_CONF: "/no/such",
    UV_THREADPOOL_SIZE: "x",
    PATH: "/usr/bin:/bin",
  };
  const { status, stdout, stderr } = execute(runtime, ["--version"], { env });
  t.equal(stderr, "");
  t.equal(status, 0);
  t.match(stdout, new RegExp(`^${kind} version`));
  t.end();
});
