import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { renderSection, unexplained, type Section } from "../../suites/render.ts";
import { readRun } from "../../suites/results.ts";

function directory(test: Test, files: Record<string, string>): string {
  const path = mkdtempSync(join(tmpdir(), "tsrun-suites-"));
  test.teardown(() => rmSync(path, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

t.test("bats: passed, failed and skipped by name", async (t) => {
  const tap = "1..4\nok 1 a [x]\nnot ok 2 b\n# why\nok 3 c # skip no disk\n";
  t.same(readRun("runc-bats", directory(t, { "f.tap": tap })), {
    f: { "a [x]": "pass", b: "fail", c: "skip" },
  });
});

t.test("runtime-tools: a program passes when no line fails and it ends with 0", async (t) => {
  const outcome = (tap: string, status: string) =>
    Object.values(
      readRun("runtime-tools", directory(t, { "p.tap": tap, "p.status": status }))["p"]!,
    );
  t.same(outcome("ok 1 - a\nok 2 # SKIP b\n1..2\n", "0\n"), ["pass"]);
  t.same(outcome("ok 1 - a\nnot ok 2 - b\n1..2\n", "0\n"), ["fail"]);
  t.same(outcome("ok 1 - a\n1..1\n", "1\n"), ["fail"]);
  t.same(outcome("not ok 1 # TODO later\n1..1\n", "0\n"), ["pass"]);
  t.same(outcome("1..0\n", "0\n"), ["pass"], "it has nothing to say");
  t.same(outcome('  ---\n  {\n    "error": "x"\n  }\n  ...\n1..0\n', "0\n"), ["fail"]);
});

const section: Section = {
  suite: "runc-bats",
  columns: [
    {
      name: "tsrun",
      results: { suite: "runc 1", runtime: "tsrun 1", files: { a: { one: "pass", two: "fail" } } },
    },
    { name: "runc", results: undefined },
  ],
  explanations: { a: { two: "It asks for runc's name." } },
};

t.test("a failure is listed with what the others do and why", async (t) => {
  const text = renderSection(section);
  t.match(text, "| a | 1/1/0 |  |");
  t.match(text, "- **a: two** (runc: not measured). It asks for runc's name.");
  t.same(unexplained(section), []);
  t.same(unexplained({ ...section, explanations: {} }), ["a: two"]);
});
