// What a command and its flags are made of.

/** "choice": a bool of which it matters whether it was given. */
export type FlagKind = "bool" | "choice" | "string" | "int" | "list" | "duration";

export type Flag = {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly kind: FlagKind;
  /** What the value is, for the help; a value is asked for by every kind but bool and choice. */
  readonly value?: string;
  readonly default?: string | number;
  /** The least value of an int. */
  readonly minimum?: number;
  readonly description: string;
  /** Accepted, but left out of the help. */
  readonly hidden?: boolean;
};

export type Argument = {
  readonly name: string;
  readonly description: string;
  readonly optional?: boolean;
  /** All words from here on; the last argument only. */
  readonly variadic?: boolean;
};

export type Command = {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** One line, in the list of commands. */
  readonly summary: string;
  /** Paragraphs below it in the command's own help. */
  readonly details?: readonly string[];
  readonly examples?: readonly string[];
  readonly arguments: readonly Argument[];
  readonly flags: readonly Flag[];
  /** Flags end at the first positional, because what follows belongs to someone else. */
  readonly flagsFirst?: boolean;
  /** "-9" behind the first positional is an argument. */
  readonly negativeNumbers?: boolean;
  /** How a failure is reported: what its message begins with, and the exit status where that is not 1. */
  readonly failure?: { readonly prefix: string; readonly exitCode?: number };
};
