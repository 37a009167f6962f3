import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import t from "tap";

import { writePidFile } from "../../../src/lifecycle/pid-file.ts";

t.test("a pid file is the number alone, readable by all that the umask allows", (t) => {
  const directory = t.testdir();
  const umask = process.umask(0o027);
  writePidFile(`${directory}/pid`, 4321);
  process.umask(umask);
  t.equal(readFileSync(`${directory}/pid`, "utf8"), "4321");
  t.equal(statSync(`${directory}/pid`).mode & 0o777, 0o640);
  t.same(readdirSync(directory), ["pid"]);
  t.end();
});

t.test("an existing pid file is replaced", (t) => {
  const directory = t.testdir({ pid: "" });
  writePidFile(`${directory}/pid`, 1);
  t.equal(readFileSync(`${directory}/pid`, "utf8"), "1");
  t.end();
});

t.test("a left-over temporary file is an error that says what to do", (t) => {
  const directory = t.testdir();
  writeFileSync(`${directory}/.pid`, "");
  const expected = {
    code: "HOST",
    hint: `remove ${directory}/.pid, which an interrupted command left`,
  };
  t.throws(() => writePidFile(`${directory}/pid`, 1), expected);
  t.end();
});
