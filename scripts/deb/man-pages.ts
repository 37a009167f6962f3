// The man pages, made from the command table: tsrun(8), and tsrun-COMMAND(8) for each command.
import type { Command, Flag } from "../../src/cli/command.ts";
import { globalFlags } from "../../src/cli/flags/global.ts";
import { commands, programName, programSummary } from "../../src/cli/program.ts";

export type ManPage = { readonly name: string; readonly text: string };
export type Issue = { readonly version: string; readonly date: string };

const all: readonly Command[] = commands;

/** All pages, by the names of their files. */
export function renderManPages(issue: Issue): ManPage[] {
  return [
    { name: `${programName}.8`, text: programPage(issue) },
    ...all.map((command) => ({
      name: `${programName}-${command.name}.8`,
      text: commandPage(command, issue),
    })),
  ];
}

function programPage(issue: Issue): string {
  return [
    header(programName, issue),
    ".SH NAME",
    `${programName} \\- ${roff(programSummary)}`,
    ".SH SYNOPSIS",
    `.B ${programName}`,
    "[\\fIglobal options\\fR] \\fIcommand\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]",
    ".SH DESCRIPTION",
    `${programName} is an OCI container runtime. Its command line is that of runc: engines call it, and people can.`,
    ".SH COMMANDS",
    ...all.flatMap(({ name, summary }) => [
      ".TP",
      `.BR ${programName}\\-${roff(name)} (8)`,
      roff(summary),
    ]),
    ".SH GLOBAL OPTIONS",
    "They go in front of the command.",
    ...options(globalFlags),
    ".TP",
    "\\fB\\-\\-version\\fR, \\fB\\-v\\fR",
    "print versions",
    ".SH EXIT STATUS",
    "0 when all went well, 1 when it did not, 3 for an unknown command. Commands that stay with a process exit with its status, or with 128 and the number of the signal that ended it.",
    ".SH FILES",
    ".TP",
    ".I /run/tsrun",
    "the state of containers",
    ".SH SEE ALSO",
    seeAlso(all.map(({ name }) => name)),
    "",
  ].join("\n");
}

function commandPage(command: Command, issue: Issue): string {
  const { name, summary, details = [], examples = [], flags } = command;
  const shown = flags.filter(({ hidden }) => hidden !== true);
  return [
    header(`${programName}-${name}`, issue),
    ".SH NAME",
    `${programName}\\-${roff(name)} \\- ${roff(summary)}`,
    ".SH SYNOPSIS",
    `.B ${programName} ${roff(name)}`,
    synopsis(command),
    ".SH DESCRIPTION",
    ...(details.length > 0 ? details : [`${capital(summary)}.`]).flatMap((paragraph) => [
      ".PP",
      roff(paragraph),
    ]),
    ...command.arguments.flatMap((argument) => [
      ".TP",
      `.I ${roff(argument.name)}`,
      roff(argument.description),
    ]),
    ...(shown.length > 0 ? [".SH OPTIONS", ...options(shown)] : []),
    ...(examples.length > 0
      ? [".SH EXAMPLES", ".nf", ...examples.map((example) => roff(example)), ".fi"]
      : []),
    ".SH SEE ALSO",
    `.BR ${programName} (8)`,
    "",
  ].join("\n");
}

function header(title: string, { version, date }: Issue): string {
  return `.TH ${title.toUpperCase().replaceAll("-", "\\-")} 8 ${date} "${programName} ${version}"`;
}

function synopsis({ arguments: args, flags }: Command): string {
  const words = args.map(({ name, optional, variadic }) => {
    const word = `\\fI${roff(name)}\\fR${variadic ? " ..." : ""}`;
    return optional ? `[${word}]` : word;
  });
  return [...(flags.length > 0 ? ["[\\fIoptions\\fR]"] : []), ...words].join(" ") || "\\&";
}

function options(flags: readonly Flag[]): string[] {
  return flags
    .filter(({ hidden }) => hidden !== true)
    .flatMap((flag) => [".TP", optionNames(flag), roff(describeFlag(flag))]);
}

function optionNames({ name, aliases = [], value }: Flag): string {
  const names = [`--${name}`, ...aliases.map((alias) => `-${alias}`)];
  const shown = names.map((each) => `\\fB${roff(each)}\\fR`).join(", ");
  return value === undefined ? shown : `${shown} \\fI${roff(value)}\\fR`;
}

function describeFlag({ description, default: preset }: Flag): string {
  return preset === undefined ? description : `${description} (default: ${preset})`;
}

function seeAlso(names: readonly string[]): string {
  return names
    .map((name, index) => {
      const comma = index < names.length - 1 ? "," : "";
      return `.BR ${programName}\\-${roff(name)} (8)${comma}`;
    })
    .join("\n");
}

/** Text that roff prints as it is. */
function roff(text: string): string {
  const escaped = text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga");
  return escaped.replace(/^\./, "\\&.");
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
