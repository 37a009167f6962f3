// Errors as people and log readers get them.
import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import type { Log } from "./log.ts";
import { writeAll } from "./output.ts";
import { formatForPeople, isTerminal } from "./terminal.ts";

/** An error made ready to be shown. */
export type Failure = {
  readonly message: string;
  /** Lines for people below the message: where, and what to do. */
  readonly details: readonly string[];
  /** The same for readers of the log. */
  readonly fields: Readonly<Record<string, string>>;
  readonly exitCode: number;
};

export type FailureOptions = {
  /** What the message begins with, such as "tsrun create failed: ". */
  readonly prefix?: string;
  /** The status of errors that have none of their own. */
  readonly exitCode?: number;
  readonly debug: boolean;
};

/** Turns whatever was thrown into what is shown of it. */
export function describeFailure(error: unknown, options: FailureOptions): Failure {
  const shown =
    error instanceof TsrunError
      ? describeKnown(error)
      : isSystemError(error)
        ? describeSystem(error)
        : describeBug(error);
  return {
    ...shown,
    message: `${options.prefix ?? ""}${shown.message}`,
    exitCode: statusOf(error) ?? options.exitCode ?? 1,
    details: options.debug ? [...shown.details, ...traceOf(error)] : shown.details,
  };
}

function statusOf(error: unknown): number | undefined {
  return error instanceof TsrunError ? error.exitCode : undefined;
}

type Shown = Omit<Failure, "exitCode">;

function describeKnown(error: TsrunError): Shown {
  const { code, pointer, position, hint } = error;
  const place = position && `${position.file}:${position.line}:${position.column}`;
  const where = [pointer, place].filter(Boolean).join(" at ");
  return {
    message: error.message,
    details: [...(where ? [where] : []), ...(hint ? [`hint: ${hint}`] : [])],
    fields: {
      code,
      ...(pointer ? { pointer } : {}),
      ...(place ? { position: place } : {}),
      ...(hint ? { hint } : {}),
    },
  };
}

type SystemError = NodeJS.ErrnoException & { dest?: string };

function isSystemError(error: unknown): error is SystemError {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as SystemError;
  return typeof code === "string" && typeof syscall === "string";
}

function describeSystem(error: SystemError): Shown {
  const what = [error.syscall, error.path, error.dest].filter(Boolean).join(" ");
  return {
    message: `${what}: ${reasonOf(error)}`,
    details: [],
    fields: { code: "HOST" },
  };
}

function describeBug(error: unknown): Shown {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return {
    message: `this is a bug in tsrun: ${text}`,
    details: ["hint: please report it, with the output of the same command with --debug"],
    fields: { code: "INTERNAL" },
  };
}

function traceOf(error: unknown): string[] {
  const lines: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause)
    lines.push(...(at.stack ?? "").split("\n"));
  return lines;
}

/** Tells of a failure: one record in the log; on stderr the record or, for people, the bare message with its details. */
export function reportFailure(failure: Failure, log: Log): void {
  if (log.place !== undefined) {
    log.fail(failure.message, failure.fields);
    writeAll(2, bare(failure));
  } else if (log.format === "json") {
    log.fail(failure.message, failure.fields);
  } else if (isTerminal(2)) {
    writeAll(2, formatForPeople("error", bare(failure)));
  } else {
    const [first, ...rest] = failure.message.split("\n");
    log.fail(first!);
    writeAll(2, indented([...rest, ...failure.details]));
  }
}

function bare({ message, details }: Failure): string {
  return `${message}\n${indented(details)}`;
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}\n`).join("");
}
