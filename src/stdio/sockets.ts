// The sockets on which callers receive descriptors: one message with one descriptor, then the end.
import { closeSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { reasonOf } from "../errno.ts";
import { native } from "../native.ts";

/** Connects to a socket on which the caller listens; `failure` says what could not be done without. */
export function dial(path: string, failure: string, pointer?: string): number {
  try {
    return native().connectUnix(path);
  } catch (error) {
    throw new TsrunError("CONSOLE", `${failure} ${path}: ${reasonOf(error)}`, {
      pointer,
      cause: error,
      hint: "the caller must listen on it before it starts tsrun",
    });
  }
}

/** Hands one descriptor over and closes the connection. */
export function handOver(socket: number, payload: string, fd: number): void {
  try {
    native().sendMessage(socket, Buffer.from(payload), [fd]);
  } finally {
    closeSync(socket);
  }
}
