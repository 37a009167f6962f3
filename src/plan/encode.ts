import { type Op, opTable, type Step, stepTable, wireFormat } from "./wire.ts";

const magic = 0x50525354; // "TSRP"
const headerBytes = 40;
const opHeaderBytes = 8;
const optionalFlag = 1;

/** What init and the launcher read of a plan. */
type Encodable = {
  readonly ops: readonly ((Op & { readonly optional?: boolean }) | Step)[];
  readonly fds: readonly unknown[];
};
type AnyOp = Encodable["ops"][number];

const definitions = { ...opTable, ...stepTable };

type FieldKind = "u" | "s" | "b" | "v";
type Fields = readonly (readonly [name: string, kind: FieldKind])[];

/** What grows behind the ops: strings, blobs and the tables of lists. */
type Data = { bytes: Buffer; length: number; readonly strings: Map<string, number> };

/** A plan as init or the launcher reads it; the layout is described in native/wire.def. */
export function encodePlan(plan: Encodable, buildId: Uint8Array): Uint8Array {
  const opBytes = plan.ops.reduce((total, op) => total + opHeaderBytes + 8 * wordsOf(op), 0);
  const ops = Buffer.alloc(headerBytes + opBytes);
  // The first byte is NUL, so that offset 0 can mean "no string".
  const data: Data = { bytes: Buffer.alloc(16 * 1024), length: 1, strings: new Map() };
  let at = headerBytes;
  for (const op of plan.ops) at = writeOp(ops, at, { op, data });
  reserve(data, 1);
  data.length++; // the closing NUL
  ops.writeUInt32LE(magic, 0);
  ops.writeUInt32LE(wireFormat, 4);
  ops.set(buildId.subarray(0, 16), 8);
  ops.writeUInt32LE(ops.length + data.length, 24);
  ops.writeUInt32LE(plan.ops.length, 28);
  ops.writeUInt32LE(ops.length, 32);
  ops.writeUInt32LE(plan.fds.length, 36);
  return Buffer.concat([ops, data.bytes.subarray(0, data.length)]);
}

function wordsOf({ op }: AnyOp): number {
  let words = 0;
  for (const [, kind] of definitions[op].fields) words += kind === "b" || kind === "v" ? 2 : 1;
  return words;
}

function writeOp(out: Buffer, start: number, { op, data }: { op: AnyOp; data: Data }): number {
  const { code, fields } = definitions[op.op];
  out.writeUInt16LE(code, start);
  out.writeUInt16LE("optional" in op && op.optional ? optionalFlag : 0, start + 2);
  out.writeUInt32LE(wordsOf(op), start + 4);
  let at = start + opHeaderBytes;
  const values = op as unknown as Record<string, unknown>;
  for (const [name, kind] of fields as Fields) {
    at = writeField(out, at, { kind, value: values[name], data });
  }
  return at;
}

function writeField(
  out: Buffer,
  at: number,
  { kind, value, data }: { kind: FieldKind; value: unknown; data: Data },
): number {
  switch (kind) {
    case "u":
      writeWord(out, at, value as number | bigint);
      return at + 8;
    case "s":
      writeWord(out, at, value === null ? 0 : addString(data, value as string));
      return at + 8;
    case "b":
      writeWord(out, at, addBlob(data, value as Uint8Array));
      writeWord(out, at + 8, (value as Uint8Array).length);
      return at + 16;
    case "v":
      writeWord(out, at, addList(data, value as readonly string[]));
      writeWord(out, at + 8, (value as readonly string[]).length);
      return at + 16;
  }
}

function writeWord(out: Buffer, at: number, value: number | bigint): void {
  if (typeof value === "bigint") {
    out.writeBigUInt64LE(BigInt.asUintN(64, value), at);
    return;
  }
  // Flags that were or-ed together are negative when their highest bit is set.
  const positive = value < 0 ? value >>> 0 : value;
  out.writeUInt32LE(positive >>> 0, at);
  out.writeUInt32LE(Math.floor(positive / 0x1_0000_0000), at + 4);
}

function addString(data: Data, text: string): number {
  const known = data.strings.get(text);
  if (known !== undefined) return known;
  const offset = data.length;
  const length = Buffer.byteLength(text);
  reserve(data, length + 1);
  data.bytes.write(text, offset, "utf8");
  data.bytes[offset + length] = 0;
  data.length += length + 1;
  data.strings.set(text, offset);
  return offset;
}

function addBlob(data: Data, blob: Uint8Array): number {
  align(data, 8); // struct sock_filter and the like are read in place
  const offset = data.length;
  reserve(data, blob.length);
  data.bytes.set(blob, offset);
  data.length += blob.length;
  return offset;
}

function addList(data: Data, list: readonly string[]): number {
  const offsets = list.map((text) => addString(data, text));
  align(data, 4);
  const start = data.length;
  reserve(data, 4 * offsets.length);
  for (const [index, offset] of offsets.entries())
    data.bytes.writeUInt32LE(offset, start + 4 * index);
  data.length += 4 * offsets.length;
  return start;
}

function align(data: Data, bytes: number): void {
  const padding = -data.length & (bytes - 1);
  reserve(data, padding);
  data.length += padding;
}

function reserve(data: Data, bytes: number): void {
  if (data.length + bytes <= data.bytes.length) return;
  const grown = Buffer.alloc(2 * (data.length + bytes));
  data.bytes.copy(grown, 0, 0, data.length);
  data.bytes = grown;
}
