import type { FileOutcomes, Outcome, SuiteName, SuiteResults } from "./results.ts";

export type Column = { readonly name: string; readonly results: SuiteResults | undefined };

/** Why tests do not pass: a text for all of a file, or for each test. */
export type Explanations = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

export type Section = {
  readonly suite: SuiteName;
  readonly columns: readonly Column[];
  readonly explanations: Explanations;
};

const titles: Readonly<Record<SuiteName, string>> = {
  "runtime-tools": "runtime-tools, the validation suite of the specification",
  "runc-bats": "runc's own tests",
  "runc-bats-systemd": "runc's own tests with systemd",
};

/** The part of the page on one suite: a table by file, then each test that tsrun does not pass. */
export function renderSection({ suite, columns, explanations }: Section): string {
  const measured = columns.filter(({ results }) => results !== undefined);
  const versions = measured.map(({ results }) => results!.runtime).join(", ");
  const source = measured[0]?.results?.suite ?? "";
  const failures = failuresOf(columns[0]?.results);
  return [
    `## ${titles[suite]}`,
    "",
    `${source} with ${versions}. Passed/failed/skipped; \`npm run suites -- ${suite}\`.`,
    "",
    ...renderTable(columns),
    "",
    ...(failures.length === 0 ? [] : ["### What tsrun does not pass", ""]),
    ...failures.map(({ file, test }) => {
      const others = columns.slice(1).map(({ name, results }) => {
        return `${name}: ${results?.files[file]?.[test] ?? "not measured"}`;
      });
      const place = suite === "runtime-tools" ? file : `${file}: ${test}`;
      return `- **${place}** (${others.join(", ")}). ${explain(explanations, file, test)}`;
    }),
    "",
  ].join("\n");
}

/** What is not explained. */
export function unexplained({ columns, explanations }: Section): string[] {
  return failuresOf(columns[0]?.results)
    .filter(({ file, test }) => explain(explanations, file, test) === "")
    .map(({ file, test }) => `${file}: ${test}`);
}

function explain(explanations: Explanations, file: string, test: string): string {
  const found = explanations[file] ?? "";
  return typeof found === "string" ? found : (found[test] ?? "");
}

function failuresOf(results: SuiteResults | undefined): { file: string; test: string }[] {
  return Object.entries(results?.files ?? {}).flatMap(([file, outcomes]) =>
    Object.keys(outcomes)
      .filter((test) => outcomes[test] === "fail")
      .map((test) => ({ file, test })),
  );
}

function renderTable(columns: readonly Column[]): string[] {
  const files = [...new Set(columns.flatMap(({ results }) => Object.keys(results?.files ?? {})))];
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const totals = columns.map(({ results }) =>
    results === undefined ? "" : sums(Object.values(results.files)),
  );
  return [
    row(["file", ...columns.map(({ name }) => name)]),
    row(["---", ...columns.map(() => "---")]),
    ...files.sort().map((file) =>
      row([
        file,
        ...columns.map(({ results }) => {
          const outcomes = results?.files[file];
          return outcomes === undefined ? "" : sums([outcomes]);
        }),
      ]),
    ),
    row(["**all**", ...totals]),
  ];
}

function sums(files: readonly FileOutcomes[]): string {
  const all = files.flatMap((outcomes) => Object.values(outcomes));
  const count = (outcome: Outcome): number => all.filter((each) => each === outcome).length;
  return `${count("pass")}/${count("fail")}/${count("skip")}`;
}
