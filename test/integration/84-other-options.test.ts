// docs/crun.md tells which options runc and crun have: their own help says whether that is so.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { type OptionRow, readOptionTable } from "../unit/cli/option-table.ts";
import { findProgram } from "./support/host.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/crun.md"), "utf8");
const rows = readOptionTable(page);

// The versions that the page is about; others may have more, or less.
for (const [name, version] of [
  ["runc", "1.3.6"],
  ["crun", "1.28"],
] as const) {
  t.test(
    `the column of ${name} says what its help says`,
    { skip: reasonNot(name, version) },
    async (t) => {
      const program = findProgram(name)!;
      const groups = Map.groupBy(rows, ({ command }) => command);
      const ofCommand = (command: string): OptionRow[] =>
        (groups.get(command) ?? []).filter((row) => row[name] === "yes");
      for (const command of groups.keys()) {
        const words = command === "(global)" ? [] : [command];
        const { stdout, stderr, status } = spawnSync(program, [...words, "--help"], {
          encoding: "utf8",
        });
        if (status !== 0) {
          t.equal(ofCommand(command).length, 0, `${name} has no ${command}: ${stderr}`);
          continue;
        }
        const told = ofCommand(command).map(({ option }) => /^--([^,]+)/.exec(option)![1]!);
        t.strictSame(told.toSorted(), optionsIn(stdout).toSorted(), command);
      }
    },
  );
}

function optionsIn(help: string): string[] {
  const found = [...help.matchAll(/^ +(?:-\w, )*--([a-z][a-z0-9-]+)/gm)].map((match) => match[1]!);
  return [...new Set(found)].filter((name) => !["help", "usage", "version"].includes(name));
}

function reasonNot(name: string, version: string): string | false {
  const program = findProgram(name);
  const elsewhere = process.env.TSRUN_LAB_INSIDE === undefined ? "lab: " : "";
  const needed = `${elsewhere}needs ${name} ${version}`;
  if (program === null) return needed;
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return stdout.startsWith(`${name} version ${version}`) ? false : needed;
}
