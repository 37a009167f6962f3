import { native } from "../native.ts";
import { decodeMessage, type Effect, encodeGo, type Progress, step } from "./sync.ts";

const maxMessageBytes = 4096;

/** Talks with init from `progress` until the conversation ends there, carrying out what each message asks for. */
export function converse(
  socket: number,
  from: Progress,
  act: (effect: Exclude<Effect, { kind: "go" }>) => void,
): Progress {
  let progress = from;
  do {
    const raw = receive(socket);
    const next = step(progress, decodeMessage(raw));
    for (const effect of next.effects) {
      if (effect.kind === "go") sendGo(socket);
      else act(effect);
    }
    progress = next.progress;
  } while (progress.at === "talking");
  return progress;
}

/** Lets init go on from the sync point where it waits. */
export function sendGo(socket: number): void {
  try {
    native().sendMessage(socket, encodeGo(), []);
  } catch (error) {
    // init is gone: the end of the stream, which is read next, says so with a better reason.
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
  }
}

function receive(socket: number): { data: Uint8Array; fds: number[] } | null {
  try {
    return native().receiveMessage(socket, maxMessageBytes, -1) ?? null;
  } catch (error) {
    // A stream socket that is closed with our message unread ends with ECONNRESET in place of the end.
    if ((error as NodeJS.ErrnoException).code === "ECONNRESET") return null;
    throw error;
  }
}
