// A conversation with `criu swrk`: one request, notifications that wait for an answer, one response.
import { closeSync } from "node:fs";

import { native } from "../native.ts";
import {
  type CriuRequest,
  type CriuResponse,
  decodeResponse,
  encodeRequest,
  requestType,
} from "./messages.ts";

const maxMessageBytes = 64 * 1024;

/** Something that CRIU tells while it works; it goes on when it is answered. */
export type Notification = {
  readonly script: string;
  /** The restored root of the process tree, where CRIU says it; else 0. */
  readonly pid: number;
  /** Those that are left in it after the call are closed. */
  readonly fds: number[];
};

/**
 * Asks and listens until CRIU has answered, and returns its response, or null when it ended without one. What
 * `notified` throws makes CRIU give up, and is thrown once it has.
 */
export function askCriu(
  socket: number,
  request: CriuRequest,
  notified: (notification: Notification) => void,
): CriuResponse | null {
  let failure: { readonly error: unknown } | undefined;
  send(socket, request);
  for (;;) {
    const received = receive(socket);
    if (received === null || received.response.notify === undefined) {
      if (failure !== undefined) throw failure.error;
      return received?.response ?? null;
    }
    // What CRIU tells while it gives up is for nobody, but it waits for an answer.
    const told = answer(socket, received, failure === undefined ? notified : () => {});
    failure ??= told;
  }
}

type Received = { readonly response: CriuResponse; readonly fds: number[] };

function answer(
  socket: number,
  { response, fds }: Received,
  notified: (notification: Notification) => void,
): { error: unknown } | undefined {
  let failure: { error: unknown } | undefined;
  try {
    const { script = "", pid = 0 } = response.notify ?? {};
    notified({ script, pid, fds });
  } catch (error) {
    failure = { error };
  }
  for (const fd of fds) closeSync(fd);
  send(socket, { type: requestType.notify, notify_success: failure === undefined });
  return failure;
}

function send(socket: number, request: CriuRequest): void {
  try {
    native().sendMessage(socket, encodeRequest(request), []);
  } catch (error) {
    // CRIU is gone: the end of the stream is read next, and the reason is in its log.
    if (!isGone(error)) throw error;
  }
}

function receive(socket: number): Received | null {
  let message;
  try {
    message = native().receiveMessage(socket, maxMessageBytes, -1);
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
  if (!message) return null;
  return { response: decodeResponse(message.data), fds: message.fds };
}

/** ECONNRESET: it ended with a message of ours unread. */
function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EPIPE" || code === "ECONNRESET";
}
