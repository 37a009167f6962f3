import { TsrunError } from "../../errors.ts";
import type { BusValue } from "../../native.ts";

/** A D-Bus value with the signature of its type. */
export type Variant = readonly [signature: string, value: BusValue];

const basicTypes: Readonly<Record<string, string>> = {
  boolean: "b",
  byte: "y",
  int16: "n",
  uint16: "q",
  int32: "i",
  uint32: "u",
  int64: "x",
  uint64: "t",
  double: "d",
  string: "s",
  objectpath: "o",
  signature: "g",
};

/** [least, greatest] of the whole numbers. */
const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  y: [0n, 0xffn],
  n: [-0x8000n, 0x7fffn],
  q: [0n, 0xffffn],
  i: [-0x8000_0000n, 0x7fff_ffffn],
  u: [0n, 0xffff_ffffn],
  x: [-(1n << 63n), (1n << 63n) - 1n],
  t: [0n, (1n << 64n) - 1n],
};

type Reader = { readonly text: string; at: number };

/**
 * Reads a value in GVariant's text format, as far as unit properties need it: booleans, numbers, strings,
 * arrays and tuples, with a type in front ("uint64 5", "@as []") or without.
 */
export function parseVariant(text: string): Variant {
  const reader = { text, at: 0 };
  const value = readValue(reader, undefined);
  skipSpace(reader);
  if (reader.at < text.length) throw malformed(reader, "more text than one value");
  return value;
}

function readValue(reader: Reader, type: string | undefined): Variant {
  skipSpace(reader);
  const annotation = match(reader, /@([a-z()]+)/y);
  if (annotation !== undefined) return readValue(reader, annotation[1]);
  const word = match(reader, /[a-z]+[0-9]*(?![\w.])/y)?.[0];
  if (word === "true" || word === "false") return typed(reader, type, ["b", word === "true"]);
  if (word !== undefined) {
    const basic = basicTypes[word];
    if (basic === undefined) throw malformed(reader, `${JSON.stringify(word)} is no type`);
    return readValue(reader, basic);
  }
  const next = reader.text[reader.at];
  if (next === "'" || next === '"') return readString(reader, type);
  if (next === "[") return readArray(reader, type);
  if (next === "(") return readTuple(reader, type);
  return readNumber(reader, type);
}

function readString(reader: Reader, type: string | undefined): Variant {
  const quoted = match(reader, /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/sy);
  if (quoted === undefined) throw malformed(reader, "a string without an end");
  const content = (quoted[1] ?? quoted[2])!.replace(
    /\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)/gs,
    (_, escape: string) => unescape(escape),
  );
  const text = type === "o" || type === "g" ? type : "s";
  return typed(reader, type, [text, content]);
}

const escapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\n": "",
};

function unescape(escape: string): string {
  if (/^[uU]./.test(escape)) return String.fromCodePoint(parseInt(escape.slice(1), 16));
  return escapes[escape] ?? escape;
}

function readNumber(reader: Reader, type: string | undefined): Variant {
  const text = match(reader, /[-+]?(?:0x[0-9a-f]+|[0-9]+(?:\.[0-9]*)?(?:e[-+]?[0-9]+)?)/iy)?.[0];
  if (text === undefined) throw malformed(reader, "no value");
  if (type === "d" || (type === undefined && /^[^x]*[.e]/i.test(text))) return ["d", Number(text)];
  const range = ranges[type ?? "i"];
  if (range === undefined || !/^[-+]?(0x[0-9a-f]+|\d+)$/i.test(text)) {
    throw malformed(reader, `${text} is not of type ${type}`);
  }
  const size = BigInt(text.replace(/^[-+]/, ""));
  const number = text.startsWith("-") ? -size : size;
  if (number < range[0] || number > range[1]) throw malformed(reader, `${text} is out of range`);
  return [type ?? "i", type === "x" || type === "t" ? number : Number(number)];
}

function readArray(reader: Reader, type: string | undefined): Variant {
  if (type !== undefined && !type.startsWith("a")) throw malformed(reader, `not of type ${type}`);
  let element = type?.slice(1);
  const values = readList(reader, "]", () => {
    const [signature, value] = readValue(reader, element);
    if (element !== undefined && signature !== element) {
      throw malformed(reader, "an array of several types");
    }
    element = signature;
    return value;
  });
  if (element === undefined) throw malformed(reader, "an empty array without a type (@as [])");
  return [`a${element}`, values];
}

function readTuple(reader: Reader, type: string | undefined): Variant {
  const signatures: string[] = [];
  const values = readList(reader, ")", () => {
    const [signature, value] = readValue(reader, undefined);
    signatures.push(signature);
    return value;
  });
  return typed(reader, type, [`(${signatures.join("")})`, values]);
}

function readList(reader: Reader, end: string, item: () => BusValue): BusValue[] {
  const values: BusValue[] = [];
  reader.at += 1;
  for (;;) {
    skipSpace(reader);
    if (reader.text[reader.at] === end) break;
    values.push(item());
    skipSpace(reader);
    if (reader.text[reader.at] === ",") reader.at += 1;
    else if (reader.text[reader.at] !== end) throw malformed(reader, `no ${end}`);
  }
  reader.at += 1;
  return values;
}

function typed(reader: Reader, type: string | undefined, value: Variant): Variant {
  if (type === undefined || type === value[0]) return value;
  throw malformed(reader, `not of type ${type}`);
}

function skipSpace(reader: Reader): void {
  match(reader, /\s+/y);
}

function match(reader: Reader, pattern: RegExp): RegExpExecArray | undefined {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (found === null) return undefined;
  reader.at = pattern.lastIndex;
  return found;
}

function malformed({ text, at }: Reader, why: string): TsrunError {
  return new TsrunError(
    "CONFIG_INVALID",
    `${JSON.stringify(text)} is no GVariant: ${why} (at character ${at + 1})`,
    { hint: `values look like 'text', true, uint64 5, ['a', 'b']` },
  );
}
