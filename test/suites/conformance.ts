// Writes docs/conformance.md from what is recorded; --check: says whether it is as it would be written.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Explanations, renderSection, type Section, unexplained } from "./render.ts";
import { readRecorded, type SuiteName, suiteNames } from "./results.ts";

const page = join(import.meta.dirname, "../../docs/conformance.md");
const why = JSON.parse(
  readFileSync(join(import.meta.dirname, "explanations.json"), "utf8"),
) as Record<SuiteName, Explanations>;
const intro = readFileSync(join(import.meta.dirname, "introduction.md"), "utf8");

const sections = suiteNames
  .map((suite): Section => {
    const names = ["tsrun", "runc", "crun"];
    const columns = names.map((name) => ({ name, results: readRecorded(suite, name) }));
    // The same tests with another driver fail for the same reasons, unless it says otherwise.
    const same = suite === "runc-bats-systemd" ? why["runc-bats"] : {};
    return { suite, columns, explanations: { ...same, ...why[suite] } };
  })
  .filter(({ columns }) => columns.some(({ results }) => results !== undefined));
const text = [intro, ...sections.map(renderSection)].join("\n").trimEnd() + "\n";
const missing = sections.flatMap((section) =>
  unexplained(section).map((test) => `${section.suite}: ${test}`),
);
for (const test of missing)
  console.error(`no explanation in test/suites/explanations.json: ${test}`);
let right = missing.length === 0;
if (process.argv.includes("--check")) {
  const fresh = existsSync(page) && readFileSync(page, "utf8") === text;
  if (!fresh)
    console.error("docs/conformance.md is not what node test/suites/conformance.ts writes");
  right &&= fresh;
} else writeFileSync(page, text);
process.exitCode = right ? 0 : 1;
