import t from "tap";
import { TsrunError } from "../../../src/errors.ts";
import { fromPlain, toPlain } from "../../../src/library/failure.ts";

t.test("an error is the same in another thread", async (t) => {
  const error = new TsrunError("CGROUP", "no such limit", {
    pointer: "/linux/resources",
    position: { file: "config.json", line: 3, column: 5 },
    hint: "leave it out",
    errno: "EINVAL",
    cause: new Error("behind it"),
  });
  const copy = fromPlain(structuredClone(toPlain(error)));
  t.ok(copy instanceof TsrunError);
  t.match(copy, { ...error, message: "no such limit", cause: { message: "behind it" } });
});

t.test("what the system refuses and what is a mistake of ours have codes too", async (t) => {
  const refused = Object.assign(new Error("EACCES: permission denied, open '/x'"), {
    code: "EACCES",
    syscall: "open",
    errno: -13,
  });
  t.match(toPlain(refused), { code: "HOST", errno: "EACCES", message: /permission denied/ });
  t.match(toPlain(new TypeError("x is not a function")), { code: "INTERNAL" });
});
