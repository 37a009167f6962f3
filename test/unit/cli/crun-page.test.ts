// docs/crun.md says what tsrun has of runc's and crun's options and annotations: it has to say what the tables say.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

import type { Command } from "../../../src/cli/command.ts";
import { globalFlags } from "../../../src/cli/flags/global.ts";
import { commands } from "../../../src/cli/program.ts";
import { crunAnnotations } from "../../../src/spec/rules/annotations.ts";
import { mountOptions } from "../../../src/spec/mount-options.ts";
import { readOptionTable, tableUnder } from "./option-table.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/crun.md"), "utf8");
const own = ["explain", "validate", "help"];

t.test(
  "the page has a row for every option of the command table, and no other for tsrun",
  async (t) => {
    const known = [
      ...globalFlags.map((flag) => `(global) ${nameOf(flag)}`),
      ...(commands as readonly Command[])
        .filter(({ name }) => !own.includes(name))
        .flatMap(({ name, flags }) => flags.map((flag) => `${name} ${nameOf(flag)}`)),
    ];
    const told = readOptionTable(page)
      .filter(({ tsrun }) => tsrun !== "no")
      .map(({ command, option }) => `${command} ${option}`);
    t.strictSame(told.toSorted(), known.toSorted());
  },
);

t.test("no row comes twice", async (t) => {
  const rows = readOptionTable(page).map(({ command, option }) => `${command} ${option}`);
  t.equal(new Set(rows).size, rows.length);
});

t.test("the page tells the fate of every annotation of crun", async (t) => {
  const told = tableUnder(page, "Annotations").map(([name, , tsrun]) => [
    name!.replaceAll("`", ""),
    tsrun!.replace(/[:;,].*/, ""),
  ]);
  t.strictSame(Object.fromEntries(told), crunAnnotations);
});

t.test("the page's mount options are tsrun's, or are said not to be", async (t) => {
  for (const [name, , tsrun] of tableUnder(page, "Mount options")) {
    const known = Object.hasOwn(mountOptions, name!.replaceAll("`", ""));
    t.equal(tsrun!.startsWith("yes"), known, name!);
  }
});

function nameOf({ name, aliases = [] }: { name: string; aliases?: readonly string[] }): string {
  return [`--${name}`, ...aliases.map((alias) => `-${alias}`)].join(", ");
}
