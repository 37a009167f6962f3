import { closeSync, fstatSync, readSync, writeSync } from "node:fs";

import { POLLIN, POLLOUT } from "../linux.ts";
import { native, type PollEntry } from "../native.ts";

const chunkBytes = 65536;
/** What a pipe surely takes once it is writable. Writing more could block, and signals would have to wait. */
const pipeBytes = 4096;

/** One direction of a relay. */
export type Copy = {
  readonly from: number;
  readonly to: number;
  readonly closeFrom: boolean;
  readonly closeTo: boolean;
  readonly writeBytes: number;
  readonly buffer: Buffer;
  start: number;
  end: number;
  open: boolean;
};

/** Begins to copy; descriptors marked so are closed when there is no more to copy. */
export function openCopy(options: {
  readonly from: number;
  readonly to: number;
  readonly closeFrom?: boolean;
  readonly closeTo?: boolean;
}): Copy {
  const { from, to, closeFrom = false, closeTo = false } = options;
  // Ours may be made non-blocking; the caller's are shared with others and stay as they are.
  if (closeTo) native().setNonblocking(to, true);
  const writeBytes = closeTo || fstatSync(to).isFile() ? chunkBytes : pipeBytes;
  const buffer = Buffer.allocUnsafe(chunkBytes);
  return { from, to, closeFrom, closeTo, writeBytes, buffer, start: 0, end: 0, open: true };
}

export function isOpen(copy: Copy): boolean {
  return copy.open;
}

/** What to wait for: more input, or room for what is to be written. */
export function copyEntry(copy: Copy): PollEntry {
  return copy.start < copy.end
    ? { fd: copy.to, events: POLLOUT }
    : { fd: copy.from, events: POLLIN };
}

/** Reads or writes once, when poll says that there is something to do. */
export function copyStep(copy: Copy, revents: number): void {
  if (revents === 0) return;
  const again = copy.start < copy.end ? write(copy) : read(copy);
  if (!again) stopCopy(copy);
}

/** Ends a copy; its other side sees that as the end of the stream, or as a broken pipe. */
export function stopCopy(copy: Copy): void {
  if (!copy.open) return;
  copy.open = false;
  if (copy.closeFrom) closeSync(copy.from);
  if (copy.closeTo) closeSync(copy.to);
}

function read(copy: Copy): boolean {
  return attempt(() => {
    copy.start = 0;
    copy.end = 0;
    copy.end = readSync(copy.from, copy.buffer, 0, copy.buffer.length, null);
    return copy.end > 0;
  });
}

function write(copy: Copy): boolean {
  return attempt(() => {
    const length = Math.min(copy.end - copy.start, copy.writeBytes);
    copy.start += writeSync(copy.to, copy.buffer, copy.start, length);
    return true;
  });
}

/** EAGAIN means later; anything else (EPIPE, EIO of a terminal without a process) is the end. */
function attempt(work: () => boolean): boolean {
  try {
    return work();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EAGAIN";
  }
}
