import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import type { TsrunError } from "../../../src/errors.ts";
import { checkConfig } from "../../../src/spec/check.ts";
import { loadSpec } from "../../../src/spec/load.ts";
import { maxBytes, maxDepth, parseText, readConfig } from "../../../src/spec/read.ts";
import { config, write } from "./configs.ts";

function failure(run: () => unknown): TsrunError {
  try {
    run();
  } catch (error) {
    return error as TsrunError;
  }
  throw new Error("nothing was thrown");
}

t.test("a bundle that is not there", async (t) => {
  const missing = join(t.testdir(), "missing");
  const error = failure(() => loadSpec(missing));
  t.match(error, { name: "TsrunError", code: "BUNDLE" });
  t.equal(error.message, `chdir ${missing}: no such file or directory`);
});

t.test("a file in place of the bundle", async (t) => {
  const bundle = t.testdir({ "config.json": "{}" });
  const file = join(bundle, "config.json");
  const error = failure(() => loadSpec(file));
  t.equal(error.message, `chdir ${file}: not a directory`);
  t.match(error.hint, bundle);
});

t.test("a bundle without config.json, or without the file that is asked for", async (t) => {
  const bundle = t.testdir({ "other.json": write(config()) });
  t.match(
    failure(() => loadSpec(bundle)),
    {
      code: "BUNDLE",
      message: "JSON specification file config.json not found",
    },
  );
  t.match(failure(() => loadSpec(bundle, "x.json")).message, "file x.json not found");
  t.equal(loadSpec(bundle, "other.json").file, join(bundle, "other.json"));
});

t.test("what is no file in place of config.json", async (t) => {
  const bundle = t.testdir();
  mkdirSync(join(bundle, "config.json"));
  execFileSync("mkfifo", [join(bundle, "fifo")]);
  t.equal(failure(() => loadSpec(bundle)).message, "read config.json: is a directory");
  t.equal(
    failure(() => loadSpec(bundle, "fifo")).message,
    "read fifo: a FIFO, not a file",
    "it does not hang",
  );
  t.equal(
    failure(() => loadSpec(bundle, "/dev/null")).message,
    "read /dev/null: a device, not a file",
  );
  t.match(failure(() => loadSpec(bundle, "/dev/tty")).code, "BUNDLE");
});

t.test("a file that may not be read", async (t) => {
  const bundle = mkdtempSync(join(tmpdir(), "tsrun-read-"));
  t.teardown(() => rmSync(bundle, { recursive: true }));
  writeFileSync(join(bundle, "config.json"), "{}", { mode: 0 });
  chmodSync(bundle, 0o755);
  // root may read everything, another user may not
  const root = process.geteuid!() === 0;
  if (root) process.seteuid!(65_534);
  try {
    t.equal(failure(() => loadSpec(bundle)).message, "open config.json: permission denied");
  } finally {
    if (root) process.seteuid!(0);
  }
});

t.test("files that are too large are not read; those of 10 MB are", async (t) => {
  const bundle = t.testdir();
  const fd = openSync(join(bundle, "config.json"), "w");
  ftruncateSync(fd, 100_000_000);
  closeSync(fd);
  const error = failure(() => loadSpec(bundle));
  t.match(error, {
    code: "CONFIG_INVALID",
    message: `at most ${maxBytes / 1024 / 1024} MiB are read`,
  });
  const env = Array.from({ length: 100_000 }, (_, index) => `NAME_${index}=${"x".repeat(90)}`);
  writeFileSync(join(bundle, "large.json"), write(config((c) => (c.process.env = env))));
  t.equal(loadSpec(bundle, "large.json").spec.process?.env?.length, 100_000);
});

t.test("text that is no JSON: where, and what is expected there", async (t) => {
  const table: [text: string, place: string, expected: RegExp, hint?: RegExp][] = [
    ["{", "1:2", /closing \} is expected here, found the end of the file/],
    ['{"a": tru}', "1:7", /found "tru\}"/],
    ['{\n  "a": 1,\n}', "3:1", /property name/, /remove the comma/],
    ['{"a": [1, 2,]}', "1:13", /value is expected/, /remove the comma/],
    ['{"a" 1}', "1:6", /colon is expected/],
    ['{"a": 1 "b": 2}', "1:9", /comma is expected/],
    ["{'a': 1}", "1:2", /found "'a': 1\}"/, /double quotes/],
    ['{"a": 1} x', "1:10", /end of the file is expected/],
    ['{"a": "b\n"}', "1:7", /string does not end/],
    ['{\n// x\n"a": 1}', "2:1", /comments/, /remove the comment/],
    ['{"a": 01}', "1:8", /found/],
    ['{"a": "\\x"}', "1:7", /escape/],
  ];
  for (const [text, place, expected, hint] of table) {
    const error = failure(() => parseText(text, "/b/config.json"));
    const { position } = error;
    t.equal(error.code, "CONFIG_SYNTAX");
    t.match(error.message, /^config\.json is not valid JSON: /);
    t.match(error.message, expected, text);
    t.equal(`${position?.line}:${position?.column}`, place, text);
    t.equal(position?.file, "/b/config.json");
    if (hint) t.match(error.hint, hint, text);
    const [issue] = checkConfig(text, "config.json");
    t.match(
      issue,
      { rule: "json-syntax", severity: "error", line: position?.line },
      "validate says it, too",
    );
  }
});

t.test("bytes that are no text", async (t) => {
  const bundle = t.testdir();
  const read = (bytes: Buffer | string): TsrunError => {
    writeFileSync(join(bundle, "config.json"), bytes);
    return failure(() => readConfig(bundle));
  };
  t.match(read(""), { code: "CONFIG_SYNTAX", message: "config.json is empty" });
  t.match(read(" \n"), { message: "config.json is empty" });
  t.match(read("\uFEFF{}"), { message: "byte order mark", position: { line: 1, column: 1 } });
  t.match(read(Buffer.from("\uFEFF{}", "utf16le")), { message: "UTF-16" });
  const latin = Buffer.concat([Buffer.from('{\n "ä": "\uFFFD'), Buffer.from([0xe9, 0x22, 0x7d])]);
  t.match(read(latin), {
    message: "config.json is not UTF-8: byte 0xe9 at offset 13",
    position: { line: 2, column: 9 },
  });
});

t.test("nesting without end", async (t) => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  t.match(
    failure(() => parseText(nested(maxDepth + 1), "config.json")),
    {
      code: "CONFIG_SYNTAX",
      message: `nested deeper than ${maxDepth} levels`,
    },
  );
  t.match(failure(() => parseText('{"a":'.repeat(1_000_000), "config.json")).code, "CONFIG_SYNTAX");
  t.doesNotThrow(() => parseText(nested(maxDepth), "config.json"));
  t.doesNotThrow(
    () => parseText(JSON.stringify("[".repeat(5000)), "config.json"),
    "brackets in strings",
  );
  t.doesNotThrow(() => parseText(`[${"[],".repeat(5000)}[]]`, "config.json"), "many, but flat");
  const deep = JSON.parse(nested(maxDepth - 10)) as unknown;
  t.strictSame(
    checkConfig(write(config((c) => (c["x-deep"] = deep))), "config.json"),
    [],
    "what is allowed can be walked",
  );
});
