import { closeSync, openSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import { native } from "../native.ts";

/** The terminal that tsrun was started on. */
export type TerminalFd = { readonly fd: number; close(): void };

/** A terminal that shows what happens in another. */
export type HostTerminal = { resize(): void; restore(): void };

/** Finds the caller's terminal: stderr, stdout or stdin, else the controlling one. */
export function openHostTerminal(): TerminalFd {
  const standard = [2, 1, 0].find((fd) => native().isTerminal(fd));
  if (standard !== undefined) return { fd: standard, close: () => {} };
  try {
    const fd = openSync("/dev/tty", "r+");
    return { fd, close: () => closeSync(fd) };
  } catch (error) {
    throw new TsrunError("CONSOLE", `open /dev/tty: ${reasonOf(error)}`, {
      pointer: "/process/terminal",
      cause: error,
      hint: "a container with a terminal in the foreground needs one here too; without: --detach and --console-socket",
    });
  }
}

/**
 * Puts the caller's terminal into raw mode and gives the container's its size. Of the two only the caller's makes
 * newlines complete: where the output does not go to it, but to a file or a pipe, they are what was written.
 */
export function attachTerminal(host: TerminalFd, master: number): HostTerminal {
  const settings = native().rawMode(host.fd);
  const resize = (): void => {
    const { rows, columns } = native().getWindowSize(host.fd);
    native().setWindowSize(master, rows, columns);
  };
  resize();
  native().plainNewlines(master);
  return { resize, restore: () => native().restoreTerminal(host.fd, settings) };
}
