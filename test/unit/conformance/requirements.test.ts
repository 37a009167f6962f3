import t from "tap";
import { findGaps, judgeRun, nameTest, requirementOf } from "../../conformance/requirements.ts";

const here = "unit/conformance/requirements > a field has the row of the longest path before it";
const row = (field: string, tests = [here]) => ({ field, section: "config.md", tests });

t.test("a field has the row of the longest path before it", async (t) => {
  const rows = [row("process"), row("process.user"), row("process.user.umask")];
  t.equal(requirementOf("process.user.umask", rows), rows[2]);
  t.equal(requirementOf("process.user.gids[]", rows), rows[1]);
  t.equal(requirementOf("processes", rows), undefined);
});

t.test(
  "a field without a row, a row without a field, and a test that is not there are gaps",
  async (t) => {
    t.strictSame(findGaps(["root.path"], [row("root")]), []);
    t.strictSame(findGaps(["root.path", "hostname"], [row("root")]), ["hostname: has no row"]);
    t.strictSame(findGaps(["root.path"], [row("root"), row("rot")]), ["rot: is no field"]);
    t.strictSame(findGaps(["root.path"], [row("root", [])]), ["root: names no test"]);
    for (const test of ["unit/absent > x", `${here}, in French`]) {
      t.strictSame(findGaps(["root.path"], [row("root", [test])]), [
        `${test}: there is no such test`,
      ]);
    }
  },
);

t.test("a run shows what passed; what failed or did not run is not shown", async (t) => {
  const test = nameTest("test/unit/a.test.ts", "b");
  t.equal(test, "unit/a > b");
  const rows = [row("root", [test])];
  t.strictSame(judgeRun(rows, [{ test, outcome: "passed" }]), { unproven: [], skipped: [] });
  t.strictSame(judgeRun(rows, [{ test, outcome: "skipped" }]), { unproven: [], skipped: ["root"] });
  t.strictSame(judgeRun(rows, [{ test, outcome: "failed" }]).unproven, [test]);
  t.strictSame(judgeRun(rows, []).unproven, [test]);
});
