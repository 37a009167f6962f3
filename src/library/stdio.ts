// The streams between this process and one in a container.
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";

import { native } from "../native.ts";
import type { Channel, Channels } from "./jobs.ts";
import type { Input, Output, StdioOptions, Terminal } from "./types.ts";

/** Both sides of a process's stdio. */
export type Wiring = {
  readonly channels: Channels;
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** To be called when the process has its ends, or will never have them. */
  release(): void;
  /** Ends the streams of a process that was not made. */
  destroy(): void;
};

/** Makes what the options ask for. */
export function openStdio(options: StdioOptions = {}): Wiring {
  const theirs: number[] = [];
  const sockets: Socket[] = [];
  const connect = (wanted: Input | Output, fd: 0 | 1 | 2): Side => {
    const side = openSide(wanted, fd);
    if (side.theirs !== undefined) theirs.push(side.theirs);
    if (side.socket !== null) sockets.push(side.socket);
    return side;
  };
  const release = (): void => theirs.splice(0).forEach((fd) => closeSync(fd));
  const destroy = (): void => sockets.forEach((socket) => void socket.destroy());
  try {
    const stdin = connect(options.stdin ?? "ignore", 0);
    const stdout = connect(options.stdout ?? "ignore", 1);
    const stderr = connect(options.stderr ?? "ignore", 2);
    return {
      channels: [stdin.channel, stdout.channel, stderr.channel],
      stdin: stdin.socket,
      stdout: stdout.socket,
      stderr: stderr.socket,
      release,
      destroy,
    };
  } catch (error) {
    release();
    destroy();
    throw error;
  }
}

/** What is made with the streams; when that fails they end. The process has its ends then, or never will. */
export async function wired<T>(wiring: Wiring, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    wiring.destroy();
    throw error;
  } finally {
    wiring.release();
  }
}

type Side = {
  readonly channel: Channel;
  readonly socket: Socket | null;
  /** The end of a pipe that the process gets. */
  readonly theirs?: number;
};

function openSide(wanted: Input | Output, fd: 0 | 1 | 2): Side {
  if (wanted === "ignore") return { channel: { kind: "null" }, socket: null };
  if (wanted === "inherit") return { channel: { kind: "fd", fd }, socket: null };
  if (wanted !== "pipe") {
    const channel: Channel =
      "fd" in wanted
        ? { kind: "fd", fd: wanted.fd }
        : { kind: "file", path: wanted.file, append: "append" in wanted && wanted.append };
    return { channel, socket: null };
  }
  const [read, write] = native().pipe();
  const [ours, theirs] = fd === 0 ? [write, read] : [read, write];
  const socket = new Socket({ fd: ours, readable: fd !== 0, writable: fd === 0 });
  return { channel: { kind: "fd", fd: theirs, pipe: true }, socket, theirs };
}

/** The program's sides of a process's stdio. */
export type Streams = Pick<Wiring, "stdin" | "stdout" | "stderr"> & {
  readonly terminal: Terminal | null;
};

/** Ends the streams of what is over; output that nobody has asked for yet is dropped, as the descriptor would stay open. */
export function letGo({ stdin, stdout, stderr, terminal }: Streams): void {
  stdin?.destroy();
  for (const stream of [stdout, stderr, terminal]) {
    if (stream?.readableFlowing === null && stream.listenerCount("readable") === 0) stream.resume();
  }
}
