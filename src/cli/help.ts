// Help, usage and suggestions, rendered by commander from the command table. Loaded only when something is to be shown.
import { Command as Renderer, Option } from "commander";

import type { Command, Flag } from "./command.ts";
import { globalFlags } from "./flags/global.ts";
import { commands, programName, programSummary } from "./program.ts";

/** The help of a command or, without one, of the program. */
export function renderHelp(command?: Command): string {
  const program = programRenderer();
  const renderer =
    command === undefined
      ? program
      : program.commands.find((candidate) => candidate.name() === command.name)!;
  const more = command === undefined ? programNotes : commandNotes(command);
  return renderer.helpInformation() + more;
}

/** "Did you mean ...?" for a word that is no command, or a flag that its command has not; undefined when nothing is near. */
export function suggest(...words: string[]): string | undefined {
  let message = "";
  const program = programRenderer((text) => (message += text));
  try {
    program.parse(words, { from: "user" });
  } catch {
    // commander tells of an unknown word by throwing; what it says of it is in message
  }
  return /\((Did you mean .*\?)\)/.exec(message)?.[1];
}

const programNotes = `
Global options go in front of the command. Run \`${programName} COMMAND --help\` for the options of a command.
`;

function commandNotes({ examples }: Command): string {
  if (examples === undefined) return "";
  return `\nExamples:\n${examples.map((example) => `  ${example}\n`).join("")}`;
}

const helpWidth = 100;

/** Without these commander asks process.stdout, which costs time and makes a caller's pipe non-blocking. */
const plainOutput = {
  getOutHelpWidth: () => helpWidth,
  getErrHelpWidth: () => helpWidth,
  getOutHasColors: () => false,
  getErrHasColors: () => false,
};

function programRenderer(writeErr: (text: string) => void = () => {}): Renderer {
  const program = new Renderer(programName)
    .exitOverride()
    .configureOutput({ writeErr, ...plainOutput })
    .description(programSummary)
    .usage("[global options] COMMAND [options] [arguments]")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .option("-v, --version", "print versions")
    .configureHelp({ subcommandTerm: (command) => command.name() });
  globalFlags.forEach((flag) => program.addOption(optionOf(flag)));
  commands.forEach((command) => addCommand(program, command));
  return program;
}

function addCommand(program: Renderer, command: Command): void {
  const renderer = program
    .command(command.name)
    .summary(command.summary)
    .description([command.summary, ...(command.details ?? [])].join("\n\n"))
    .helpOption("-h, --help", "print help");
  for (const { name, optional, variadic, description } of command.arguments) {
    const word = variadic ? `${name}...` : name;
    renderer.argument(optional ? `[${word}]` : `<${word}>`, description);
  }
  command.flags.forEach((flag) => renderer.addOption(optionOf(flag)));
}

function optionOf(flag: Flag): Option {
  const names = [...(flag.aliases ?? []).map((alias) => `-${alias}`), `--${flag.name}`].join(", ");
  const value = flag.value === undefined ? "" : ` <${flag.value}>`;
  const option = new Option(names + value, flag.description).hideHelp(flag.hidden === true);
  return flag.default === undefined ? option : option.default(flag.default);
}
