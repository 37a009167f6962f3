import t from "tap";

import { renderHelp, suggest } from "../../../src/cli/help.ts";
import type { Command, Flag } from "../../../src/cli/command.ts";
import { globalFlags } from "../../../src/cli/flags/global.ts";
import { commands } from "../../../src/cli/program.ts";

t.test(
  "the program's help names every command and every global flag that is not hidden",
  async (t) => {
    const help = renderHelp();
    for (const { name, summary } of commands) {
      t.match(help, new RegExp(`^  ${name} +${summary.slice(0, 20)}`, "m"));
    }
    for (const flag of globalFlags as readonly Flag[]) {
      t.equal(help.includes(`--${flag.name}`), flag.hidden !== true, flag.name);
    }
  },
);

t.test("a command's help names its arguments and every flag that is not hidden", async (t) => {
  for (const command of commands as readonly Command[]) {
    const help = renderHelp(command);
    t.match(help, new RegExp(`^Usage: tsrun ${command.name}`));
    for (const { name } of command.arguments) t.ok(help.includes(name), name);
    for (const { name, aliases = [], hidden } of command.flags) {
      const spelled = [...aliases.map((alias) => `-${alias}`), `--${name}`].join(", ");
      t.equal(help.includes(spelled), hidden !== true, `${command.name} ${spelled}`);
    }
  }
});

t.test("no name stands twice in the table, and no flag hides -h or --help", async (t) => {
  const words = (commands as readonly Command[]).flatMap(({ name, aliases = [] }) => [
    name,
    ...aliases,
  ]);
  t.same(words, [...new Set(words)]);
  for (const { name, flags } of [
    ...(commands as readonly Command[]),
    { name: "", flags: globalFlags },
  ]) {
    const spelled = (flags as readonly Flag[]).flatMap((flag) => [
      flag.name,
      ...(flag.aliases ?? []),
    ]);
    t.same(spelled, [...new Set(spelled)], name);
    t.notOk(spelled.includes("h") || spelled.includes("help"), name);
  }
});

t.test("a word near a command brings a suggestion, another none", async (t) => {
  t.equal(suggest("creat"), "Did you mean create?");
  t.equal(suggest("stat"), "Did you mean one of start, state?");
  t.equal(suggest("xyzzy"), undefined);
});

t.test("a flag near one of its command brings a suggestion", async (t) => {
  t.equal(suggest("create", "--bundel"), "Did you mean --bundle?");
  t.equal(suggest("--rot"), "Did you mean --root?");
  t.equal(suggest("state", "--bundle"), undefined);
});
