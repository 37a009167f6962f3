// Writes docs/spec-conformance.md from requirements.json; --check: says whether it is as it would be written.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listFields } from "./fields.ts";
import { findGaps, readRequirements, requirementOf, type Requirement } from "./requirements.ts";

const page = join(import.meta.dirname, "../../docs/spec-conformance.md");
const requirements = readRequirements();
const fields = listFields();

const cell = (text: string): string => text.replaceAll("|", "\\|");
const evidence = ({ tests, remark }: Requirement): string =>
  [tests.map((test) => cell(test)).join("<br>"), cell(remark ?? "")].join(" | ");

const introduction = `# Every field and every MUST

One row for each field of config.json in runtime-spec 1.3.0 (Linux), and for what it demands beyond fields, with the tests
that show it. This page is written by \`node test/conformance/spec-page.ts\` from \`test/conformance/requirements.json\`. It cannot be written, and
\`npm run check\` fails, when a field of the schema has no row, or a row names a test that is not there. A run of all tests
(\`npm test\`) fails when a test of a row failed or is not among those that ran, and lists the rows whose tests were all skipped, natively and in the lab.

Tests below \`unit\` show what is planned, or refused, and not what the kernel does with it: where a row has no others, the remark says why.
`;

const text = [
  introduction,
  "## Fields",
  "",
  "| field | section | tests | remarks |",
  "| --- | --- | --- | --- |",
  ...fields.map((field) => {
    const row = requirementOf(field, requirements);
    return row === undefined ? "" : `| \`${field}\` | ${row.section} | ${evidence(row)} |`;
  }),
  "",
  "## Requirements",
  "",
  "| what must hold | section | tests | remarks |",
  "| --- | --- | --- | --- |",
  ...requirements
    .filter(({ must }) => must !== undefined)
    .map((row) => `| ${cell(row.must!)} | ${row.section} | ${evidence(row)} |`),
  "",
].join("\n");

const gaps = findGaps(fields, requirements);
for (const gap of gaps) console.error(`test/conformance/requirements.json: ${gap}`);
let right = gaps.length === 0;
if (process.argv.includes("--check")) {
  const fresh = existsSync(page) && readFileSync(page, "utf8") === text;
  if (!fresh)
    console.error("docs/spec-conformance.md is not what node test/conformance/spec-page.ts writes");
  right &&= fresh;
} else if (right) writeFileSync(page, text);
process.exitCode = right ? 0 : 1;
