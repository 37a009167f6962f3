// Rules of the parser for kinds of flags and commands that the table does not have yet.
import t from "tap";

import { readArguments } from "../../../src/cli/parse.ts";
import type { Command } from "../../../src/cli/command.ts";

const command: Command = {
  name: "exec",
  summary: "",
  arguments: [],
  flags: [
    { name: "env", aliases: ["e"], kind: "list", value: "K=V", description: "" },
    { name: "interval", kind: "duration", value: "TIME", default: 5000, description: "" },
  ],
};

t.test("a list collects its values in order and splits none", async (t) => {
  t.same(readArguments([], command).values["env"], []);
  t.same(readArguments(["-e", "A=1,2", "--env=B=", "-e", ""], command).values["env"], [
    "A=1,2",
    "B=",
    "",
  ]);
});

t.test("durations are Go's, in milliseconds", async (t) => {
  const interval = (text: string): unknown =>
    readArguments([`--interval=${text}`], command).values["interval"];
  t.equal(readArguments([], command).values["interval"], 5000);
  t.equal(interval("1h2m3s4ms"), 3_723_004);
  t.equal(interval("1.5s"), 1500);
  t.equal(interval(".5m"), 30_000);
  t.equal(interval("-2s"), -2000);
  t.equal(interval("0"), 0);
  t.equal(interval("500us"), 0.5);
  for (const text of ["", "5", "5 s", "s", "1d", "--5s"]) {
    t.throws(() => interval(text), {
      message: `invalid value ${JSON.stringify(text)} for flag -interval: parse error`,
    });
  }
});

t.test("flags end at the first positional where the rest belongs to someone else", async (t) => {
  const read = readArguments(["-e", "A=1", "c", "sh", "-e", "x"], { ...command, flagsFirst: true });
  t.same(read.values["env"], ["A=1"]);
  t.same(read.args, ["c", "sh", "-e", "x"]);
});
