import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

import { formatRecord, openLog, quoteAsGo } from "../../../src/cli/log.ts";

const time = new Date("2026-11-23T18:11:24.987Z");

t.test("a text record is logrus': time, level, message, other keys sorted", async (t) => {
  t.equal(
    formatRecord(
      { level: "error", message: 'no "x"\n', time, fields: { pointer: "/root", code: "BUNDLE" } },
      "text",
    ),
    'time="2026-11-23T18:11:24Z" level=error msg="no \\"x\\"\\n" code=BUNDLE pointer=/root\n',
  );
  t.equal(
    formatRecord({ level: "debug", message: "done", time }, "text"),
    'time="2026-11-23T18:11:24Z" level=debug msg=done\n',
  );
});

t.test("a JSON record has sorted keys and seconds", async (t) => {
  t.equal(
    formatRecord({ level: "error", message: "container does not exist", time }, "json"),
    '{"level":"error","msg":"container does not exist","time":"2026-11-23T18:11:24Z"}\n',
  );
  t.equal(
    formatRecord({ level: "error", message: "x\ny", time, fields: { code: "INIT" } }, "json"),
    '{"code":"INIT","level":"error","msg":"x\\ny","time":"2026-11-23T18:11:24Z"}\n',
  );
});

t.test("text is quoted as Go's %q does it", async (t) => {
  const cases: [string, string][] = [
    ["plain text", '"plain text"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ["\x07\b\f\n\r\t\v", '"\\a\\b\\f\\n\\r\\t\\v"'],
    ["\x00\x1b\x7f", '"\\x00\\x1b\\x7f"'],
    ["größe ☃ 🐳", '"größe ☃ 🐳"'],
    ["\u00a0\u200b\ufeff", '"\\u00a0\\u200b\\ufeff"'],
    ["\u{e0001}", '"\\U000e0001"'],
    ["\ud800", '"\ufffd"'],
  ];
  for (const [text, quoted] of cases) t.equal(quoteAsGo(text), quoted);
});

t.test("the log file is made at once, and appended to", async (t) => {
  const file = join(t.testdir(), "log");
  const log = openLog({ place: { kind: "file", path: file }, format: "text", debug: false });
  t.equal(readFileSync(file, "utf8"), "");
  t.equal(statSync(file).mode & 0o777, 0o644 & ~process.umask());
  log.warn("first");
  openLog({ place: { kind: "file", path: file }, format: "text", debug: false }).fail("second");
  t.match(
    readFileSync(file, "utf8"),
    /^time="[^"]+" level=warning msg=first\ntime="[^"]+" level=error msg=second\n$/,
  );
});

t.test("a log file that cannot be opened is an error with its name", async (t) => {
  const file = join(t.testdir(), "missing", "log");
  t.throws(() => openLog({ place: { kind: "file", path: file }, format: "text", debug: false }), {
    code: "USAGE",
    message: `open ${file}: no such file or directory`,
  });
});

t.test("debug records are written only when they are asked for", async (t) => {
  const file = join(t.testdir(), "log");
  openLog({ place: { kind: "file", path: file }, format: "text", debug: false }).debugging("quiet");
  openLog({ place: { kind: "file", path: file }, format: "text", debug: true }).debugging("loud");
  t.match(readFileSync(file, "utf8"), /^\S+ level=debug msg=loud\n$/);
});

t.test("the JSON log of a failed command holds one object, without its warnings", async (t) => {
  const file = join(t.testdir(), "log");
  const log = openLog({ place: { kind: "file", path: file }, format: "json", debug: false });
  log.warn("unknown capability");
  log.fail("it failed");
  t.match(JSON.parse(readFileSync(file, "utf8")), { level: "error", msg: "it failed" });
});

t.test("the JSON log of a command that succeeded holds its warnings", async (t) => {
  const file = join(t.testdir(), "log");
  const log = openLog({ place: { kind: "file", path: file }, format: "json", debug: false });
  log.warn("one");
  log.warn("two");
  log.settle();
  const records = readFileSync(file, "utf8").trimEnd().split("\n");
  t.same(
    records.map((record) => (JSON.parse(record) as { msg: string }).msg),
    ["one", "two"],
  );
});
