// Flags as Go's flag package and the callers of runc have them: one or two dashes, values behind "=" or as the next
// word, booleans with "=", flags in front of and behind positionals, "--" as the end of flags.
import type { Command, Flag } from "./command.ts";
import { globalFlags } from "./flags/global.ts";
import { type CommandName, findCommand, type GlobalValues } from "./program.ts";

type Value = boolean | string | number | string[] | undefined;
type Values = { [name: string]: Value };

/** What the command line asks for. `command` is absent for global help. */
export type Parsed =
  | {
      readonly kind: "run";
      readonly name: CommandName;
      readonly command: Command;
      readonly globals: GlobalValues;
      readonly flags: Readonly<Values>;
      readonly args: readonly string[];
    }
  | { readonly kind: "help"; readonly command?: Command }
  | { readonly kind: "version" }
  | { readonly kind: "unknown-command"; readonly word: string; readonly globals: GlobalValues }
  | { readonly kind: "usage"; readonly problem: UsageProblem };

/** A wrong command line: `text` for stderr and the log, `command` the one whose usage to show. */
export type UsageProblem = {
  readonly text: string;
  readonly command?: Command;
  readonly hint?: string;
  /** The name of a flag that is not defined. */
  readonly unknownFlag?: string;
  /** How many arguments are wanted, not which flag is wrong: runc words its usage differently. */
  readonly count?: boolean;
  readonly globals: GlobalValues;
};

/** What the words behind a command say. */
export type Arguments = {
  readonly values: Readonly<Values>;
  readonly args: readonly string[];
  readonly help: boolean;
};

type Reading = { readonly flags: readonly Flag[]; readonly command?: Command };
type Read = { values: Values; args: string[]; help: boolean; version: boolean };
class FlagProblem extends Error {
  hint?: string;
  unknownFlag?: string;
}

/** Reads a whole command line, without the program's own name. */
export function parseCommandLine(argv: readonly string[]): Parsed {
  const globals = defaultsOf(globalFlags);
  const read: Read = { values: globals, args: [], help: false, version: false };
  try {
    readFlags(argv, { flags: globalFlags }, read);
  } catch (error) {
    return usage(error, globals);
  }
  if (read.help) return { kind: "help" };
  if (read.version) return { kind: "version" };
  const [word, ...rest] = read.args;
  if (word === undefined) return { kind: "help" };
  const command = findCommand(word);
  if (command === undefined) return unknownCommand(word, globals);
  return command.name === "help" ? parseHelp(rest, globals) : parseCommand(command, rest, globals);
}

function parseCommand(
  command: Command & { readonly name: CommandName },
  argv: readonly string[],
  globals: Values,
): Parsed {
  let read: Arguments;
  try {
    read = readArguments(argv, command);
  } catch (error) {
    return usage(error, globals, command);
  }
  if (read.help) return { kind: "help", command };
  const text = countProblem(command, read.args.length);
  if (text !== undefined) {
    return {
      kind: "usage",
      problem: { text, command, count: true, globals: globals as GlobalValues },
    };
  }
  return {
    kind: "run",
    name: command.name,
    command,
    globals: globals as GlobalValues,
    flags: read.values,
    args: read.args,
  };
}

/** Reads the words behind a command by its flags; throws what is wrong, in Go's words. */
export function readArguments(argv: readonly string[], command: Command): Arguments {
  const read: Read = { values: defaultsOf(command.flags), args: [], help: false, version: false };
  readFlags(argv, { flags: command.flags, command }, read);
  return read;
}

function parseHelp(args: readonly string[], globals: Values): Parsed {
  const word = args.find((arg) => !arg.startsWith("-"));
  if (word === undefined) return { kind: "help" };
  const command = findCommand(word);
  return command === undefined ? unknownCommand(word, globals) : { kind: "help", command };
}

function unknownCommand(word: string, globals: Values): Parsed {
  return { kind: "unknown-command", word, globals: globals as GlobalValues };
}

function usage(error: unknown, globals: Values, command?: Command): Parsed {
  if (!(error instanceof FlagProblem)) throw error;
  return {
    kind: "usage",
    problem: {
      text: error.message,
      hint: error.hint,
      unknownFlag: error.unknownFlag,
      command,
      globals: globals as GlobalValues,
    },
  };
}

/** runc's words for a wrong number of arguments; undefined when it is right. */
export function countProblem(command: Command, count: number): string | undefined {
  const most = command.arguments.at(-1)?.variadic ? Infinity : command.arguments.length;
  const least = command.arguments.filter(({ optional }) => !optional).length;
  if (count >= least && count <= most) return undefined;
  const wanted =
    least === most
      ? `exactly ${most}`
      : count < least
        ? `a minimum of ${least}`
        : `a maximum of ${most}`;
  return `"${command.name}" requires ${wanted} argument(s)`;
}

/** Reads flags and positionals; without a command the first positional ends the flags. */
function readFlags(argv: readonly string[], reading: Reading, into: Read): void {
  const { command } = reading;
  const stops = command === undefined || command.flagsFirst === true;
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index]!;
    if (word === "--") {
      into.args.push(...argv.slice(index + 1));
      return;
    }
    if (isPositional(word, command, into.args.length)) {
      if (stops) {
        into.args.push(...argv.slice(index));
        return;
      }
      into.args.push(word);
      continue;
    }
    if (readFlag(word, argv[index + 1], reading, into) === "took next") index++;
  }
}

function isPositional(word: string, command: Command | undefined, before: number): boolean {
  if (!word.startsWith("-") || word === "-") return true;
  return command?.negativeNumbers === true && before > 0 && /^-\d+$/.test(word);
}

function readFlag(
  word: string,
  next: string | undefined,
  reading: Reading,
  into: Read,
): "took next" | "alone" {
  const body = word.startsWith("--") ? word.slice(2) : word.slice(1);
  const equals = body.indexOf("=");
  const name = equals < 0 ? body : body.slice(0, equals);
  const inline = equals < 0 ? undefined : body.slice(equals + 1);
  if (name === "" || name.startsWith("-")) throw new FlagProblem(`bad flag syntax: ${word}`);
  const flag = findFlag(reading.flags, name);
  if (flag === undefined) {
    if (!readBuiltIn(name, inline, reading, into)) throw undefinedFlag(name, reading);
    return "alone";
  }
  if (flag.kind === "bool" || flag.kind === "choice") {
    into.values[flag.name] = inline === undefined || parseBool(inline, name);
    return "alone";
  }
  const text = inline ?? next;
  if (text === undefined) throw new FlagProblem(`flag needs an argument: -${name}`);
  store(flag, text, { name, values: into.values });
  return inline === undefined ? "took next" : "alone";
}

/** --help everywhere, --version in front of the command; crun's -?, --usage and -V too. */
function readBuiltIn(
  name: string,
  inline: string | undefined,
  reading: Reading,
  into: Read,
): boolean {
  const wanted = (): boolean => inline === undefined || parseBool(inline, name);
  if (["help", "h", "?", "usage"].includes(name)) {
    into.help = wanted();
    return true;
  }
  if (reading.command === undefined && ["version", "v", "V"].includes(name)) {
    into.version = wanted();
    return true;
  }
  return false;
}

function undefinedFlag(name: string, { command }: Reading): FlagProblem {
  const problem = new FlagProblem(`flag provided but not defined: -${name}`);
  problem.unknownFlag = name;
  if (command === undefined) return problem;
  if (findFlag(globalFlags, name) !== undefined) {
    problem.hint = `--${name} goes in front of the command: tsrun --${name} ${command.name}`;
  } else if (command.negativeNumbers && /^\d+$/.test(name)) {
    problem.hint = `the signal comes last: tsrun ${command.name} CONTAINER ${name}`;
  }
  return problem;
}

function findFlag(flags: readonly Flag[], name: string): Flag | undefined {
  return flags.find((flag) => flag.name === name || flag.aliases?.includes(name) === true);
}

function defaultsOf(flags: readonly Flag[]): Values {
  const values: Values = {};
  for (const flag of flags) {
    values[flag.name] = flag.kind === "bool" ? false : flag.kind === "list" ? [] : flag.default;
  }
  return values;
}

function store(flag: Flag, text: string, given: { name: string; values: Values }): void {
  const { name, values } = given;
  if (flag.kind === "list") {
    (values[flag.name] as string[]).push(text);
    return;
  }
  if (flag.kind === "string") {
    values[flag.name] = text;
    return;
  }
  const number = flag.kind === "int" ? parseInteger(text) : parseDuration(text);
  if (number === undefined) {
    throw new FlagProblem(`invalid value ${JSON.stringify(text)} for flag -${name}: parse error`);
  }
  if (flag.minimum !== undefined && number < flag.minimum) {
    throw new FlagProblem(
      `invalid value ${JSON.stringify(text)} for flag -${name}: less than ${flag.minimum}`,
    );
  }
  values[flag.name] = number;
}

/** Go's strconv.ParseBool; undefined for anything else. */
export function readBool(text: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(text)) return false;
  return undefined;
}

function parseBool(text: string, name: string): boolean {
  const value = readBool(text);
  if (value !== undefined) return value;
  throw new FlagProblem(`invalid boolean value ${JSON.stringify(text)} for -${name}: parse error`);
}

function parseInteger(text: string): number | undefined {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9]\d*)$/.exec(text);
  if (match === null) return undefined;
  const digits = match[2]!.replace(/^0([0-7])/, "0o$1");
  const number = Number(digits) * (match[1] === "-" ? -1 : 1);
  return Number.isSafeInteger(number) ? number : undefined;
}

const milliseconds = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's time.ParseDuration, in milliseconds. */
function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^[+-]?((\d+(\.\d*)?|\.\d+)(ns|us|\u00b5s|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|ms|s|m|h)/g)) {
    total += Number(number) * milliseconds[unit as keyof typeof milliseconds];
  }
  return text.startsWith("-") ? -total : total;
}
