import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { kind, run, scratch } from "./support/runtime.ts";

const skip = kind === "crun" ? "crun has its own log format" : false;
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

t.test("text records go to stderr by default", { skip }, async (t) => {
  const { status, stdout, stderr } = run(["state", "absent"]);
  t.equal(status, 1);
  t.equal(stdout, "");
  t.match(stderr, /^time="[^"]+" level=error msg="container does not exist"\n( +.*\n)*$/);
});

t.test("--log FILE gets the record, stderr the bare message", { skip }, async (t) => {
  const file = join(scratch, "log.text");
  const { stderr } = run(["--log", file, "state", "absent"]);
  t.match(stderr, /^container does not exist\n( +.*\n)*$/, "a hint may follow");
  t.match(readFileSync(file, "utf8"), /level=error msg="container does not exist".*\n$/);
});

t.test("--log-format json writes one object per line and appends", { skip }, async (t) => {
  const file = join(scratch, "log.json");
  run(["--log", file, "--log-format", "json", "state", "absent"]);
  run(["--log", file, "--log-format", "json", "state", "gone"]);
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  t.equal(lines.length, 2);
  for (const line of lines) {
    const record = JSON.parse(line) as Record<string, string>;
    t.match(record, { level: "error", msg: "container does not exist", time: rfc3339 });
  }
});

t.test("--log-format with another value is refused", { skip }, async (t) => {
  const { status, stderr } = run(["--log-format", "xml", "state", "absent"]);
  t.equal(status, 1);
  t.match(stderr, "invalid log-format: xml");
});

t.test("a log that cannot be opened is an error", { skip }, async (t) => {
  const { status, stderr } = run(["--log", "/nowhere/log", "state", "absent"]);
  t.equal(status, 1);
  t.match(stderr, "/nowhere/log");
});

t.test("a command that works logs nothing", { skip }, async (t) => {
  const file = join(scratch, "log.quiet");
  t.equal(run(["--log", file, "--log-format", "json", "--version"]).status, 0);
  t.equal(existsSync(file) ? readFileSync(file, "utf8") : "", "");
});

t.test("--debug adds records, the error stays the last one", { skip }, async (t) => {
  const { stderr } = run(["--debug", "--log-format", "json", "state", "absent"]);
  const records = stderr.trimEnd().split("\n");
  const last = JSON.parse(records.at(-1)!) as Record<string, string>;
  t.match(last, { level: "error", msg: "container does not exist" });
});
