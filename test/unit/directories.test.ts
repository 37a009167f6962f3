import { spawnSync } from "node:child_process";
import { readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { makeDirectories } from "../../src/directories.ts";

t.test("what is missing is made, with the mode; what is there stays", async (t) => {
  const place = t.testdir();
  makeDirectories(join(place, "a/b"), 0o711);
  t.equal(statSync(join(place, "a")).mode & 0o777, 0o711);
  t.equal(statSync(join(place, "a/b")).mode & 0o777, 0o711);
  makeDirectories(join(place, "a"), 0o700);
  t.equal(statSync(join(place, "a")).mode & 0o777, 0o711);
});

t.test("a file or a broken link on the way is an error", async (t) => {
  const place = t.testdir();
  writeFileSync(join(place, "file"), "");
  symlinkSync("nowhere", join(place, "link"));
  t.throws(() => makeDirectories(join(place, "file"), 0o700), { code: "EEXIST" });
  t.throws(() => makeDirectories(join(place, "file/b"), 0o700), { code: "ENOTDIR" });
  t.throws(() => makeDirectories(join(place, "link"), 0o700), { code: "EEXIST" });
  t.same(readdirSync(place).sort(), ["file", "link"]);
});

t.test("a directory that takes nothing new is an error, and the end", async (t) => {
  const module = join(import.meta.dirname, "../../src/directories.ts");
  const script = `import(${JSON.stringify(module)}).then((m) => m.makeDirectories("/proc/self/a/b", 0o700))`;
  const { status, stderr } = spawnSync(process.execPath, ["-e", script], {
    encoding: "utf8",
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  t.equal(status, 1);
  t.match(stderr, "ENOENT: no such file or directory, mkdir '/proc/self/a'");
});
