// sd_notify(3) for containers: systemd waits on the socket of tsrun's NOTIFY_SOCKET for the service to be
// ready, and only the container knows when that is. So the container gets a socket of its own, and its
// READY= is passed on, with the pid that systemd should watch.
import { closeSync, mkdirSync } from "node:fs";

import { POLLIN } from "../linux.ts";
import { native } from "../native.ts";

const maxDatagramBytes = 4096;
const barrierMs = 30_000;

/** Whether the caller of tsrun waits for such messages. */
export function wantsNotify(): boolean {
  return !!process.env["NOTIFY_SOCKET"];
}

/** Makes the directory that the container sees as /run/notify. */
export function makeNotifyDirectory(directory: string): void {
  if (wantsNotify()) mkdirSync(notifyDirectory(directory), 0o755);
}

/** Where that directory is in the state directory. */
export function notifyDirectory(directory: string): string {
  return `${directory}/notify`;
}

/** Binds the container's socket; undefined when the caller does not wait for messages. */
export function bindNotify(directory: string): number | undefined {
  if (!wantsNotify()) return undefined;
  try {
    return native().bindDatagram(`${notifyDirectory(directory)}/notify.sock`);
  } catch (error) {
    // The container was created by someone without NOTIFY_SOCKET.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Waits until the container says that it is ready, or its init ends; tells systemd. Closes the socket. */
export function waitUntilReady(
  socket: number,
  init: { readonly pid: number; readonly pidfd: number },
): void {
  try {
    for (;;) {
      const entries = [
        { fd: socket, events: POLLIN },
        { fd: init.pidfd, events: POLLIN },
      ];
      const [datagram, ended] = native().poll(entries, -1);
      if (datagram && passReady(socket, init.pid)) return;
      if (!datagram && ended) return;
    }
  } finally {
    closeSync(socket);
  }
}

/** Receives one message of the container; when it says READY= passes that on and returns true. */
export function passReady(socket: number, mainPid: number): boolean {
  const received = native().receiveMessage(socket, maxDatagramBytes, 0);
  if (!received) return false;
  received.fds.forEach((fd) => closeSync(fd));
  const line = readyLine(Buffer.from(received.data).toString("utf8"));
  if (line === undefined) return false;
  const host = native().connectDatagram(process.env["NOTIFY_SOCKET"]!);
  try {
    native().sendMessage(host, Buffer.from(line), []);
    native().sendMessage(host, Buffer.from(`MAINPID=${mainPid}`), []);
    sendBarrier(host);
  } finally {
    closeSync(host);
  }
  return true;
}

/** The line of a message that says that the service is ready; other lines are the container's own business. */
export function readyLine(message: string): string | undefined {
  return message.split("\n").find((line) => line.startsWith("READY="));
}

/** systemd looks at the sender of a message when it reads it, so the sender must live until then. */
function sendBarrier(host: number): void {
  const [read, write] = native().pipe();
  try {
    native().sendMessage(host, Buffer.from("BARRIER=1"), [write]);
  } finally {
    closeSync(write);
  }
  native().poll([{ fd: read, events: POLLIN }], barrierMs);
  closeSync(read);
}
