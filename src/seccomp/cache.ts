import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { makeDirectories } from "../directories.ts";
import type { CompiledSeccomp } from "./compile.ts";

// A file for each profile: six u32 (magic, bytes of key, of filter, of unknown names; filter flags; notify), then key,
// filter and names. The name comes from a cheap hash
// and proves nothing: the whole key is compared.
const MAGIC = 0x43535354;
const HEADER_BYTES = 24;
const MOST_BYTES = 4 << 20;
const MOST_ENTRIES = 64;
/** Keys with one hash are kept side by side, as name-0, name-1 ... */
const MOST_VARIANTS = 4;

/** The filter that was kept for exactly this key, if any. */
export function readCache(directory: string, key: string): CompiledSeccomp | undefined {
  const wanted = Buffer.from(key);
  const name = nameOf(wanted);
  for (let variant = 0; variant < MOST_VARIANTS; variant++) {
    const content = readTrusted(`${directory}/${name}-${variant}`);
    if (content === undefined) return undefined;
    const found = decode(content, wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Keeps a filter. A cache that cannot be written is no reason to fail. */
export function writeCache(directory: string, key: string, compiled: CompiledSeccomp): void {
  const bytes = Buffer.from(key);
  const temporary = `${directory}/new-${process.pid}-${process.hrtime.bigint()}`;
  try {
    makeDirectories(directory, 0o700);
    makeRoom(directory);
    writeNew(temporary, encode(bytes, compiled));
    renameSync(temporary, `${directory}/${freeName(directory, nameOf(bytes))}`);
  } catch {
    removeQuietly(temporary);
  }
}

/** The first variant that no other key has; the last one is for whoever comes last. */
function freeName(directory: string, name: string): string {
  let variant = 0;
  while (variant < MOST_VARIANTS - 1 && holdsAnother(`${directory}/${name}-${variant}`)) variant++;
  return `${name}-${variant}`;
}

/** Called after a miss: whatever is sound there belongs to another key. */
function holdsAnother(path: string): boolean {
  const content = readTrusted(path);
  return content !== undefined && isWhole(content);
}

function writeNew(path: string, content: Buffer): void {
  const fd = openSync(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    writeSync(fd, content);
  } finally {
    closeSync(fd);
  }
}

function readTrusted(path: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const { uid, mode, size } = fstatSync(fd);
    // Nobody but ourselves can have written it.
    const trusted =
      uid === process.geteuid!() && (mode & 0o170022) === 0o100000 && size <= MOST_BYTES;
    if (!trusted) return undefined;
    const content = Buffer.allocUnsafe(size);
    return readSync(fd, content) === size ? content : undefined;
  } finally {
    closeSync(fd);
  }
}

/** Whether it has a header whose lengths add up. */
function isWhole(content: Buffer): boolean {
  if (content.length < HEADER_BYTES || content.readUInt32LE(0) !== MAGIC) return false;
  const [keyBytes, filterBytes, nameBytes] = [4, 8, 12].map((at) => content.readUInt32LE(at));
  return content.length === HEADER_BYTES + keyBytes! + filterBytes! + nameBytes!;
}

function decode(content: Buffer, wanted: Buffer): CompiledSeccomp | undefined {
  if (!isWhole(content)) return undefined;
  const filterAt = HEADER_BYTES + content.readUInt32LE(4);
  const namesAt = filterAt + content.readUInt32LE(8);
  if (!content.subarray(HEADER_BYTES, filterAt).equals(wanted)) return undefined;
  const names = content.toString("utf8", namesAt);
  return {
    filter: content.subarray(filterAt, namesAt),
    flags: content.readUInt32LE(16),
    notify: content.readUInt32LE(20) === 1,
    unknown: names === "" ? [] : names.split("\n"),
  };
}

function encode(key: Buffer, { filter, flags, notify, unknown }: CompiledSeccomp): Buffer {
  const names = Buffer.from(unknown.join("\n"));
  const header = Buffer.alloc(HEADER_BYTES);
  const words = [MAGIC, key.length, filter.length, names.length, flags, notify ? 1 : 0];
  for (const [index, word] of words.entries()) header.writeUInt32LE(word, index * 4);
  return Buffer.concat([header, key, filter, names]);
}

/** FNV-1a over some 256 of the key's words: a loop over all of them would cost more than all the rest of a hit. */
function nameOf(key: Buffer): string {
  const step = Math.max(4, (key.length >>> 10) * 4);
  let hash = key.length < 4 ? 0 : key.readInt32LE(key.length - 4);
  for (let at = 0; at + 4 <= key.length; at += step) {
    hash = Math.imul(hash ^ key.readInt32LE(at), 0x01000193);
  }
  return `${key.length.toString(16)}-${(hash >>> 0).toString(16).padStart(8, "0")}`;
}

/** Keeps the number of files bounded: the oldest half goes when there are too many. */
function makeRoom(directory: string): void {
  const names = readdirSync(directory);
  if (names.length < MOST_ENTRIES) return;
  const byAge = names
    .map((name) => ({ name, time: statSync(`${directory}/${name}`).mtimeMs }))
    .toSorted((a, b) => a.time - b.time);
  for (const { name } of byAge.slice(0, MOST_ENTRIES / 2)) removeQuietly(`${directory}/${name}`);
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was not there, or someone else removed it.
  }
}
