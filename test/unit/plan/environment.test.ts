import t from "tap";
import { environmentValue, planEnvironment } from "../../../src/plan/environment.ts";

const pointer = "/process/env";

t.test("of a name that is there twice the last value counts", async (t) => {
  t.same(planEnvironment(["A=1", "B=2", "A=3"], { pointer }), ["B=2", "A=3"]);
});

t.test("HOME is added where it is missing or empty", async (t) => {
  t.same(planEnvironment([], { pointer, home: "/root" }), ["HOME=/root"]);
  t.same(planEnvironment(["HOME=", "A=1"], { pointer, home: "/root" }), ["HOME=/root", "A=1"]);
  t.same(planEnvironment(["HOME=/srv"], { pointer, home: "/root" }), ["HOME=/srv"]);
  t.same(planEnvironment([], { pointer }), []);
});

t.test("the runtime's own variables win", async (t) => {
  t.same(planEnvironment(["LISTEN_PID=9"], { pointer, extra: ["LISTEN_PID=1"] }), ["LISTEN_PID=1"]);
});

t.test("an entry without a name or with a NUL is refused", async (t) => {
  for (const entry of ["PATH", "", "=x", "A=\0"]) {
    t.throws(() => planEnvironment(["B=1", entry], { pointer }), {
      code: "CONFIG_INVALID",
      pointer: "/process/env/1",
    });
  }
});

t.test("a value may contain an equals sign", async (t) => {
  t.equal(environmentValue(["OPTIONS=a=b"], "OPTIONS"), "a=b");
  t.equal(environmentValue(["PATHS=/bin"], "PATH"), "");
});
