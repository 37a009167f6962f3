import { writeSync } from "node:fs";

/** Writes all of a text to a descriptor. A reader that has gone away is no error; a full pipe is waited for. */
export function writeAll(fd: number, text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE" || code === "EBADF") return;
      if (code !== "EAGAIN") throw error;
      pause();
    }
  }
}

/** Writes to stdout. */
export function print(text: string): void {
  writeAll(1, text);
}

/** The descriptor is non-blocking, as some callers leave theirs. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
}
