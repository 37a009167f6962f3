// The master side of a pty as a stream. Node's own streams for terminals write to a master with blocking calls, which
// a process that does not read its terminal could hold up for ever.
import { closeSync, readSync, writeSync } from "node:fs";
import { Duplex } from "node:stream";

import { POLLIN, POLLOUT } from "../linux.ts";
import { native } from "../native.ts";
import type { Terminal, TerminalSize } from "./types.ts";

const chunkBytes = 65_536;

type Done = (error?: Error | null) => void;

/** Takes over a pty master. */
export function openTerminal(master: number, size?: TerminalSize): Terminal {
  let pending: { readonly rest: Buffer; readonly done: Done } | undefined;
  const watch = watchMaster(master, (ready) => {
    if (ready & ~POLLOUT && watch.wants(POLLIN)) read();
    if (!watch.isOpen() || !(ready & ~POLLIN) || pending === undefined) return;
    const { rest, done } = pending;
    pending = undefined;
    watch.unwant(POLLOUT);
    write(rest, done);
  });
  const terminal = new Duplex({
    allowHalfOpen: false, // without a reader of its keys there is no use in writing
    read: () => watch.want(POLLIN),
    write: (chunk: Buffer, _encoding, done) => write(chunk, done),
    final: (done) => done(), // a terminal has no end of input but the key for it
    destroy: (error, done) => {
      watch.close();
      done(error);
    },
  });
  const read = (): void => {
    watch.unwant(POLLIN);
    const chunk = readNow(master);
    if (chunk === "again") return watch.want(POLLIN);
    terminal.push(chunk);
    if (chunk !== null) return;
    // Nobody will read the keys that are left either.
    watch.unwant(POLLIN | POLLOUT);
    const { done } = pending ?? {};
    pending = undefined;
    done?.(new Error("nobody has the terminal open any more"));
  };
  const write = (chunk: Buffer, done: Done): void => {
    const rest = writeNow(master, chunk);
    if (rest instanceof Error) return done(rest);
    if (rest.length === 0) return done();
    pending = { rest, done };
    watch.want(POLLOUT);
  };
  const resize = ({ rows, columns }: TerminalSize): void => {
    if (watch.isOpen()) native().setWindowSize(master, rows, columns);
  };
  if (size !== undefined) resize(size);
  return Object.assign(terminal, { resize });
}

/** Watches for what is wanted at the time; that alone keeps the process of Node going. */
function watchMaster(master: number, act: (ready: number) => void) {
  let wanted = 0;
  let open = true;
  const change = (events: number): void => {
    if (!open || events === wanted) return;
    wanted = events;
    native().changeWatch(master, events);
    native().holdLoop(master, events !== 0);
  };
  native().setNonblocking(master, true);
  native().watch(master, 0, act);
  native().holdLoop(master, false);
  return {
    wants: (event: number): boolean => (wanted & event) !== 0,
    want: (event: number): void => change(wanted | event),
    unwant: (events: number): void => change(wanted & ~events),
    isOpen: (): boolean => open,
    close: (): void => {
      if (!open) return;
      open = false;
      native().endWatch(master);
      closeSync(master);
    },
  };
}

/** Null: nobody has the other side open any more. */
function readNow(master: number): Buffer | "again" | null {
  const chunk = Buffer.allocUnsafe(chunkBytes);
  try {
    const count = readSync(master, chunk);
    return count === 0 ? null : chunk.subarray(0, count);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return "again";
    return null; // EIO
  }
}

/** What is left to be written. */
function writeNow(master: number, chunk: Buffer): Buffer | Error {
  try {
    return chunk.subarray(writeSync(master, chunk));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EAGAIN" ? chunk : (error as Error);
  }
}
