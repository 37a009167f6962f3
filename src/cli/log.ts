// Log records in the two shapes that runc's callers read: logrus' text and JSON.
import { appendFileSync, closeSync, openSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import type { sendRecord } from "./log-daemon.ts";
import type { LogPlace } from "./log-place.ts";
import { writeAll } from "./output.ts";
import { formatForPeople, isTerminal } from "./terminal.ts";

export type Level = "error" | "warning" | "info" | "debug";
export type LogFormat = "text" | "json";

export type LogRecord = {
  readonly level: Level;
  readonly message: string;
  readonly time: Date;
  /** Further keys; they follow the message, sorted. */
  readonly fields?: Readonly<Record<string, string>>;
};

export type LogTarget = {
  /** Absent: stderr. */
  readonly place?: LogPlace;
  readonly format: LogFormat;
  readonly debug: boolean;
  /** Errors alone are logged. */
  readonly errorsOnly?: boolean;
  /** Loaded by whoever has a daemon for a place: most logs have none. */
  readonly send?: typeof sendRecord;
};

export type Log = LogTarget & {
  debugging(message: string, fields?: Record<string, string>): void;
  warn(message: string): void;
  /** Writes an error record; in JSON it is the only record of a failed command. */
  fail(message: string, fields?: Record<string, string>): void;
  /** The command has succeeded: warnings that were held back are written. */
  settle(): void;
};

/** One record in a format, with its newline. */
export function formatRecord(record: LogRecord, format: LogFormat): string {
  const time = `${record.time.toISOString().slice(0, 19)}Z`;
  const fields = Object.entries(record.fields ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  if (format === "json") {
    const all = { ...record.fields, level: record.level, msg: record.message, time };
    const sorted = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
    return `${JSON.stringify(Object.fromEntries(sorted))}\n`;
  }
  const keys = [["time", time], ["level", record.level], ["msg", record.message], ...fields];
  return `${keys.map(([key, value]) => `${key}=${textValue(value!)}`).join(" ")}\n`;
}

function textValue(value: string): string {
  return /^[\w\-./@^+]*$/.test(value) ? value : quoteAsGo(value);
}

const escapes: Readonly<Record<string, string>> = {
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
  "\\": "\\\\",
  '"': '\\"',
};

/** A string as Go's %q prints it. */
export function quoteAsGo(text: string): string {
  const quoted = text
    .toWellFormed()
    .replace(
      /["\\]|(?! )[\p{C}\p{Z}]/gu,
      (char) => escapes[char] ?? escapeCode(char.codePointAt(0)!),
    );
  return `"${quoted}"`;
}

function escapeCode(code: number): string {
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x10000
    ? `\\u${code.toString(16).padStart(4, "0")}`
    : `\\U${code.toString(16).padStart(8, "0")}`;
}

/** A log that writes to its place or, without one, to stderr. A file is made now: one that cannot be is an error. */
export function openLog(target: LogTarget): Log {
  if (target.place?.kind === "file") touch(target.place.path);
  const held: (() => void)[] = [];
  const write = (level: Level, message: string, fields?: Record<string, string>): void => {
    const time = new Date();
    const text = formatRecord({ level, message, fields, time }, target.format);
    const put = (): void => putRecord(target, { level, text, time });
    if (level === "warning" && target.format === "json") held.push(put);
    else put();
  };
  return {
    ...target,
    debugging: (message, fields) => target.debug && write("debug", message, fields),
    warn: (message) => {
      if (target.errorsOnly) return;
      if (target.place === undefined && target.format === "text" && isTerminal(2)) {
        writeAll(2, formatForPeople("warning", `${message}\n`));
      } else write("warning", message);
    },
    fail: (message, fields) => write("error", message, fields),
    settle: () => held.splice(0).forEach((put) => put()),
  };
}

function touch(file: string): void {
  try {
    closeSync(openSync(file, "as", 0o644));
  } catch (error) {
    throw new TsrunError("USAGE", `open ${file}: ${reasonOf(error)}`, {
      cause: error,
      hint: "--log names the file for log records",
    });
  }
}

type Written = { readonly level: Level; readonly text: string; readonly time: Date };

// A file is not kept open: a descriptor of ours must not stand where one of the caller's is expected.
function putRecord({ place, send }: LogTarget, record: Written): void {
  if (place === undefined) writeAll(2, record.text);
  else if (place.kind !== "file") send!(place, record);
  else appendFileSync(place.path, record.text, { flag: "as", mode: 0o644 });
}
