// config.json from a bundle: bytes to text to JSON.
import { isUtf8 } from "node:buffer";
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
} from "node:fs";
import { basename, dirname, resolve } from "node:path";

import { reasonOf } from "../errno.ts";
import { TsrunError } from "../errors.ts";
import { isDeeper, parseJson } from "./json.ts";
import { firstSyntaxError, placeAt } from "./positions.ts";

/** The largest config.json that is read: a thousand times what engines write. */
export const maxBytes = 64 * 1024 * 1024;
/** How deep arrays and objects may be nested; the specification needs eight levels. */
export const maxDepth = 1000;

const replacement = "\uFFFD";

export type ConfigText = { file: string; text: string };

/** Reads config.json, or another file, of a bundle. */
export function readConfig(bundle: string, name = "config.json"): ConfigText {
  const directory = resolve(bundle);
  checkBundle(bundle, directory);
  const file = resolve(directory, name);
  return { file, text: readText(file, name) };
}

/** Reads one file of JSON text. */
export function readText(file: string, name = basename(file)): string {
  const bytes = readBytes(file, name);
  if (!isUtf8(bytes)) throw invalidText(file, bytes);
  const text = bytes.toString("utf8");
  if (text.startsWith("\uFEFF")) {
    throw syntax(file, "begins with a byte order mark, which JSON does not allow", {
      offset: 0,
      text,
      hint: "save the file as UTF-8 without BOM",
    });
  }
  if (text.trim() === "")
    throw syntax(file, "is empty", { hint: "`tsrun spec` writes one to start from" });
  return text;
}

/** Parses the text of a configuration. */
export function parseText(text: string, file: string): unknown {
  if (isDeeper(text, maxDepth)) throw syntax(file, `is nested deeper than ${maxDepth} levels`);
  try {
    return parseJson(text);
  } catch (error) {
    throw brokenJson(text, file, error);
  }
}

function checkBundle(given: string, directory: string): void {
  let stats: Stats;
  try {
    stats = statSync(directory);
  } catch (error) {
    throw new TsrunError("BUNDLE", `chdir ${given}: ${reasonOf(error)}`, { cause: error });
  }
  if (stats.isDirectory()) return;
  throw new TsrunError("BUNDLE", `chdir ${given}: not a directory`, {
    hint: `the bundle is the directory that holds config.json${given.endsWith(".json") ? `: ${dirname(given)}` : ""}`,
  });
}

function readBytes(file: string, name: string): Buffer {
  const fd = openFile(file, name);
  try {
    const stats = fstatSync(fd);
    if (stats.isDirectory()) throw new TsrunError("BUNDLE", `read ${name}: is a directory`);
    if (!stats.isFile())
      throw new TsrunError("BUNDLE", `read ${name}: ${kindOf(stats)}, not a file`);
    if (stats.size > maxBytes) {
      const size = `${Math.ceil(stats.size / 1024 / 1024)} MiB`;
      const message = `${name} is too large: ${size}, at most ${maxBytes / 1024 / 1024} MiB are read`;
      throw new TsrunError("CONFIG_INVALID", message);
    }
    return readFileSync(fd);
  } catch (error) {
    if (error instanceof TsrunError) throw error;
    throw new TsrunError("BUNDLE", `read ${name}: ${reasonOf(error)}`, { cause: error });
  } finally {
    closeSync(fd);
  }
}

// Non-blocking: a FIFO in place of the file must not hold us up.
function openFile(file: string, name: string): number {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new TsrunError("BUNDLE", `JSON specification file ${name} not found`, { cause: error });
    }
    throw new TsrunError("BUNDLE", `open ${name}: ${reasonOf(error)}`, { cause: error });
  }
}

function kindOf(stats: Stats): string {
  if (stats.isFIFO()) return "a FIFO";
  if (stats.isSocket()) return "a socket";
  return "a device";
}

type SyntaxDetails = { offset?: number; text?: string; hint?: string; cause?: unknown };

function syntax(file: string, problem: string, details: SyntaxDetails = {}): TsrunError {
  const { offset, text, hint, cause } = details;
  const place = offset === undefined || text === undefined ? undefined : placeAt(text, offset);
  return new TsrunError("CONFIG_SYNTAX", `${basename(file)} ${problem}`, {
    position: place && { file, ...place },
    hint,
    cause,
  });
}

function invalidText(file: string, bytes: Buffer): TsrunError {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return syntax(file, "is UTF-16, not UTF-8", { hint: "save the file as UTF-8" });
  }
  const text = goodPrefix(bytes);
  const offset = Buffer.byteLength(text);
  const value = bytes[offset]!.toString(16).padStart(2, "0");
  return syntax(file, `is not UTF-8: byte 0x${value} at offset ${offset}`, {
    offset: text.length,
    text,
  });
}

/** The text before the first byte that is not UTF-8. */
function goodPrefix(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  // Decoding puts U+FFFD in the place of bad bytes; the file may also have one of its own.
  let offset = text.indexOf(replacement);
  for (;;) {
    const prefix = text.slice(0, offset);
    const at = Buffer.byteLength(prefix);
    if (bytes.toString("utf8", at, at + 3) !== replacement || bytes[at] !== 0xef) return prefix;
    offset = text.indexOf(replacement, offset + 1);
  }
}

const wanted: Readonly<Record<number, string>> = {
  1: "this is no value that JSON has",
  2: "this is no number that JSON has",
  3: "a property name in double quotes is expected here",
  4: "a value is expected here",
  5: "a colon is expected here",
  6: "a comma is expected here",
  7: "a closing } is expected here",
  8: "a closing ] is expected here",
  9: "the end of the file is expected here",
  10: "comments are not JSON",
  11: "the comment does not end",
  12: "the string does not end",
  13: "the number does not end",
  14: "this is no \\u escape with four digits",
  15: "this is no escape that JSON has",
  16: "this character must be written as an escape",
};

function brokenJson(text: string, file: string, cause: unknown): TsrunError {
  const error = firstSyntaxError(text);
  if (error === undefined) {
    return syntax(file, `is not valid JSON: ${(cause as Error).message}`, { cause });
  }
  const atEnd = error.offset >= text.trimEnd().length;
  const here = atEnd
    ? "the end of the file"
    : JSON.stringify(text.slice(error.offset, error.offset + 20).split("\n")[0]);
  const expectation = isJson(text.slice(0, error.offset)) ? wanted[9] : wanted[error.error];
  const problem = `is not valid JSON: ${expectation ?? "this is not JSON"}, found ${here}`;
  return syntax(file, problem, {
    offset: error.offset,
    text,
    hint: hintFor(text, error.offset),
    cause,
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function hintFor(text: string, offset: number): string | undefined {
  const before = text.slice(0, offset).trimEnd();
  const after = text.slice(offset).trimStart();
  if (/^[}\]]/.test(after) && before.endsWith(",")) return "remove the comma before it";
  if (after.startsWith("'")) return "JSON strings are in double quotes";
  if (/^\/[/*]/.test(after)) return "remove the comment";
  return undefined;
}
