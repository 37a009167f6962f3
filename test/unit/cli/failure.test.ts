import { readFileSync } from "node:fs";
import t from "tap";

import { describeFailure } from "../../../src/cli/failure.ts";
import { TsrunError } from "../../../src/errors.ts";

function caught(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

t.test("an error is shown with its place and what to do", async (t) => {
  const error = new TsrunError("INIT", "error mounting", {
    pointer: "/mounts/3",
    position: { file: "/b/config.json", line: 57, column: 7 },
    hint: "make the source",
  });
  t.same(describeFailure(error, { prefix: "tsrun create failed: ", debug: false }), {
    message: "tsrun create failed: error mounting",
    details: ["/mounts/3 at /b/config.json:57:7", "hint: make the source"],
    fields: {
      code: "INIT",
      pointer: "/mounts/3",
      position: "/b/config.json:57:7",
      hint: "make the source",
    },
    exitCode: 1,
  });
});

t.test("an error that says no more than its message has no details", async (t) => {
  t.same(describeFailure(new TsrunError("STATE", "x"), { debug: false }), {
    message: "x",
    details: [],
    fields: { code: "STATE" },
    exitCode: 1,
  });
});

t.test("an error may bring its own exit status", async (t) => {
  const error = new TsrunError("USAGE", "x", { exitCode: 3 });
  t.equal(describeFailure(error, { debug: false }).exitCode, 3);
});

t.test("a failed system call is told as call, path and reason", async (t) => {
  const failure = describeFailure(
    caught(() => readFileSync("/nonexistent/x")),
    { debug: false },
  );
  t.match(failure, {
    message: "open /nonexistent/x: no such file or directory",
    fields: { code: "HOST" },
    exitCode: 1,
  });
});

t.test("anything else is a bug in tsrun, told in one line", async (t) => {
  const bug = describeFailure(new TypeError("x is not a function"), { debug: false });
  t.equal(bug.message, "this is a bug in tsrun: TypeError: x is not a function");
  t.notMatch(bug.details.join("\n"), / at /);
  t.equal(bug.exitCode, 1);
  t.match(describeFailure("thrown text", { debug: false }).message, /bug in tsrun: thrown text/);
});

t.test("--debug shows the stack of an error and of its causes", async (t) => {
  const cause = new RangeError("the cause");
  const error = new TsrunError("HOST", "x", { cause });
  const details = describeFailure(error, { debug: true }).details.join("\n");
  t.match(details, /TsrunError: x\n.*failure\.test/s);
  t.match(details, /RangeError: the cause\n.*failure\.test/s);
});
