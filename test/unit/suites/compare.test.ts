import t from "tap";
import { compareRun, mergeRun } from "../../suites/compare.ts";

const recorded = { a: { one: "pass", two: "fail" }, b: { three: "pass" } } as const;

t.test("a test that passed and does not now is lost, also when it never reported", async (t) => {
  const run = { a: { one: "fail", two: "fail" } } as const;
  t.same(compareRun(recorded, run).lost, [{ file: "a", test: "one" }]);
  t.same(compareRun(recorded, { b: {} }).lost, [{ file: "b", test: "three" }]);
});

t.test("files that did not run are not compared", async (t) => {
  t.same(compareRun(recorded, {}), { lost: [], gained: [] });
});

t.test("what passes and did not is gained, also when it is new", async (t) => {
  const run = { a: { one: "pass", two: "pass", four: "pass" } } as const;
  t.same(compareRun(recorded, run), {
    lost: [],
    gained: [
      { file: "a", test: "two" },
      { file: "a", test: "four" },
    ],
  });
});

t.test("what is recorded only grows", async (t) => {
  const run = { a: { one: "fail", two: "pass", four: "skip" } } as const;
  t.same(mergeRun(recorded, run), {
    a: { one: "pass", two: "pass", four: "skip" },
    b: { three: "pass" },
  });
});
