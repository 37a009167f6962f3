import { closeSync, readSync, writeSync } from "node:fs";

import { POLLIN, POLLOUT, SIGKILL } from "../linux.ts";
import { type Exit, native } from "../native.ts";

/** Enough of the end of a program's output, which is where the reason stands. */
const usuallyKept = 4096;

export type Supervised = {
  readonly pidfd: number;
  /** Written to `fd`, which is then closed. A program that does not read it is no failure. */
  readonly input?: { readonly fd: number; readonly bytes: Uint8Array };
  /** Read ends of the program's stdout and stderr; closed at the end. */
  readonly stdout: number;
  readonly stderr: number;
  readonly timeoutMs?: number;
  /** How much of the end of its output is kept. */
  readonly keptBytes?: number;
};

export type Ending = {
  readonly exit: Exit;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
};

type Tail = { readonly fd: number; readonly kept: number; bytes: Buffer; open: boolean };

/**
 * Feeds a program, collects the end of what it prints, kills it at its time limit, and reaps it.
 * Its end is what counts: whatever it left running may hold the pipes for as long as it likes.
 */
export function supervise(program: Supervised): Ending {
  const start = process.hrtime();
  const tails = [program.stdout, program.stderr].map((fd) => openTail(fd, program.keptBytes)) as [
    Tail,
    Tail,
  ];
  let input = program.input === undefined ? undefined : { ...program.input, written: 0 };
  if (input) native().setNonblocking(input.fd, true);
  let timedOut = false;
  for (;;) {
    const left = program.timeoutMs === undefined ? -1 : program.timeoutMs - elapsedMs(start);
    if (program.timeoutMs !== undefined && left <= 0 && !timedOut) {
      timedOut = true;
      native().pidfdSendSignal(program.pidfd, SIGKILL);
    }
    const open = tails.filter((tail) => tail.open);
    const entries = [
      { fd: program.pidfd, events: POLLIN },
      ...open.map(({ fd }) => ({ fd, events: POLLIN })),
      ...(input ? [{ fd: input.fd, events: POLLOUT }] : []),
    ];
    const ready = native().poll(entries, timedOut || left < 0 ? -1 : Math.ceil(left));
    open.forEach((tail, index) => ready[index + 1] && drain(tail));
    if (input && ready[entries.length - 1]) input = feed(input);
    if (ready[0]) break;
  }
  tails.forEach((tail) => tail.open && drain(tail));
  if (input) closeSync(input.fd);
  tails.forEach((tail) => tail.open && closeSync(tail.fd));
  const exit = native().waitPidfd(program.pidfd, false)!;
  const [stdout, stderr] = [textOf(tails[0]), textOf(tails[1])];
  return { exit, timedOut, stdout, stderr, durationMs: elapsedMs(start) };
}

function openTail(fd: number, kept = usuallyKept): Tail {
  native().setNonblocking(fd, true);
  return { fd, kept, bytes: Buffer.alloc(0), open: true };
}

/** Reads what there is, keeping the end of it. */
function drain(tail: Tail): void {
  const chunk = Buffer.allocUnsafe(65536);
  // A program that never stops printing must not keep us here: back to poll after some of it.
  for (let round = 0; round < 16; round++) {
    let count: number;
    try {
      count = readSync(tail.fd, chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return;
      count = 0;
    }
    if (count === 0) {
      tail.open = false;
      closeSync(tail.fd);
      return;
    }
    // One byte more than is shown, so that it is known whether something was left out.
    tail.bytes = Buffer.concat([tail.bytes, chunk.subarray(0, count)]).subarray(-tail.kept - 1);
  }
}

type Input = { readonly fd: number; readonly bytes: Uint8Array; written: number };

/** Writes what the pipe takes; undefined when there is no more to write or nobody to read it. */
function feed(input: Input): Input | undefined {
  try {
    input.written += writeSync(input.fd, input.bytes, input.written);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return input;
    input.written = input.bytes.length; // EPIPE: it does not read
  }
  if (input.written < input.bytes.length) return input;
  closeSync(input.fd);
  return undefined;
}

function textOf(tail: Tail): string {
  const left = tail.bytes.length > tail.kept;
  const text = tail.bytes.subarray(-tail.kept).toString("utf8").trimEnd();
  return left ? `...${text}` : text;
}

function elapsedMs(start: [number, number]): number {
  const [seconds, nanoseconds] = process.hrtime(start);
  return seconds * 1000 + nanoseconds / 1e6;
}
