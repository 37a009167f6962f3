import t from "tap";

import { renderFindings } from "../../../src/cli/findings.ts";

const text = '{\n\t"root": {\n\t\t"path": 7\n\t}\n}\n';

t.test("a finding is shown with its line and a caret below the place", async (t) => {
  t.equal(
    renderFindings(
      [
        {
          severity: "error",
          rule: "type",
          pointer: "/root/path",
          message: "must be a string",
          expected: "a string",
          got: "the number 7",
          hint: "quote it",
          line: 3,
          column: 11,
        },
      ],
      { file: "config.json", text },
    ),
    `config.json:3:11: error: root.path: must be a string [type]
  3 |   "path": 7
    |           ^
  expected: a string
  got:      the number 7
  hint:     quote it

config.json: 1 error
`,
  );
});

t.test("of a long line only what is around the place is shown", async (t) => {
  const line = `{"${"x".repeat(500)}":1}`;
  const shown = renderFindings(
    [{ severity: "warning", rule: "r", pointer: "", message: "m", line: 1, column: 504 }],
    { file: "c", text: line },
  ).split("\n");
  t.ok(shown.every((row) => row.length < 120));
  t.equal(shown[1]!.indexOf(":1}"), shown[2]!.indexOf("^"));
});

t.test("a finding about the whole file has no line", async (t) => {
  const shown = renderFindings(
    [{ severity: "error", rule: "r", pointer: "", message: "is empty" }],
    {
      file: "c",
      text: "",
    },
  );
  t.equal(shown, "c: error: is empty [r]\n\nc: 1 error\n");
});

t.test("what runc runs all the same is marked", async (t) => {
  const shown = renderFindings(
    [{ severity: "error", rule: "r", pointer: "/a", message: "m", tolerated: true }],
    { file: "c", text: "" },
  );
  t.match(shown, /note: +the container runs all the same/);
});

t.test("a file without findings is said to have none", async (t) => {
  t.equal(renderFindings([], { file: "c", text: "" }), "c: nothing to complain about\n");
});
