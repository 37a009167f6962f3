import {
  chmodSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import t from "tap";
import { readCache, writeCache } from "../../../src/seccomp/cache.ts";
import type { CompiledSeccomp } from "../../../src/seccomp/compile.ts";

const compiled: CompiledSeccomp = {
  filter: Uint8Array.from({ length: 64 }, (_, index) => index),
  flags: 12,
  notify: true,
  unknown: ["newcall", "newer"],
};

/** A cache directory with one entry, and the path of that. */
function cacheWith(t: { testdir(): string }, key: string): { directory: string; file: string } {
  const directory = `${t.testdir()}/a/b`;
  writeCache(directory, key, compiled);
  return { directory, file: `${directory}/${readdirSync(directory)[0]}` };
}

t.test("what was written is read back", async (t) => {
  const { directory, file } = cacheWith(t, "key é");
  const found = readCache(directory, "key é");
  t.strictSame(
    { ...found, filter: [...found!.filter] },
    { ...compiled, filter: [...compiled.filter] },
  );
  t.equal(statSync(directory).mode & 0o777, 0o700);
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.equal(readdirSync(directory).length, 1, "no temporary file is left");
});

t.test("another key finds nothing, nor does an absent directory", async (t) => {
  const { directory } = cacheWith(t, "key");
  t.equal(readCache(directory, "kez"), undefined);
  t.equal(readCache(`${directory}/none`, "key"), undefined);
});

t.test("the whole key is compared: keys with one hash are kept side by side", async (t) => {
  const directory = `${t.testdir()}/cache`;
  // Of keys this long every other word is hashed: these differ where the hash does not look.
  const keys = ["A", "B", "C", "D", "E"].map(
    (letter) => `${"x".repeat(1004)}${letter}${"x".repeat(1203)}`,
  );
  for (const [index, key] of keys.entries()) {
    t.equal(readCache(directory, key), undefined, `${index} is not found before`);
    writeCache(directory, key, { ...compiled, flags: index });
  }
  const names = readdirSync(directory);
  t.equal(new Set(names.map((name) => name.replace(/-\d$/, ""))).size, 1, "they share a hash");
  t.equal(names.length, 4);
  t.strictSame(
    keys.map((key) => readCache(directory, key)?.flags),
    [0, 1, 2, undefined, 4],
    "the last place is for whoever came last",
  );
});

t.test("a file under the name of another key is not taken, but replaced", async (t) => {
  const { directory, file } = cacheWith(t, "1-key-a");
  writeCache(directory, "2-key-b", compiled);
  const other = readdirSync(directory).find((name) => !file.endsWith(name))!;
  renameSync(file, `${directory}/${other}`);
  t.equal(readCache(directory, "2-key-b"), undefined);
  writeCache(directory, "2-key-b", compiled);
  t.ok(readCache(directory, "2-key-b"));
});

t.test("a file that others could have written is not taken", async (t) => {
  const { directory, file } = cacheWith(t, "key");
  for (const mode of [0o620, 0o602, 0o666]) {
    chmodSync(file, mode);
    t.equal(readCache(directory, "key"), undefined, mode.toString(8));
  }
  chmodSync(file, 0o600);
  t.ok(readCache(directory, "key"));
});

t.test("a symlink is not followed", async (t) => {
  const { directory, file } = cacheWith(t, "key");
  const elsewhere = `${directory}/../elsewhere`;
  linkSync(file, elsewhere);
  renameSync(file, `${directory}/moved`);
  symlinkSync(elsewhere, file);
  t.equal(readCache(directory, "key"), undefined);
});

t.test("a damaged file is not taken, wherever it is cut or changed", async (t) => {
  const { directory, file } = cacheWith(t, "key");
  const whole = readFileSync(file);
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(file, whole.subarray(0, length));
    if (readCache(directory, "key") !== undefined) t.fail(`cut to ${length}`);
  }
  for (let index = 0; index < 16 + 3; index++) {
    if (index >= 16 && index < 24) continue;
    const changed = Buffer.from(whole);
    changed[index]! ^= 0x55;
    writeFileSync(file, changed);
    if (readCache(directory, "key") !== undefined) t.fail(`byte ${index} changed`);
  }
  t.pass();
});

t.test("the number of entries is bounded, the oldest go", async (t) => {
  const { directory, file } = cacheWith(t, "first");
  utimesSync(file, 1, 1);
  for (let index = 0; index < 80; index++) writeCache(directory, `key ${index}`, compiled);
  t.ok(readdirSync(directory).length <= 64);
  t.equal(readCache(directory, "first"), undefined);
  t.ok(readCache(directory, "key 79"));
});

t.test("a cache that cannot be written is no failure", async (t) => {
  writeCache("/proc/no/such", "key", compiled);
  t.pass();
});
