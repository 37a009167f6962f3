// A container in the foreground: its stdio goes through this process, signals are passed on to it, and
// all its orphans are reaped, until it ends.
import { closeSync } from "node:fs";

import { TsrunError } from "../errors.ts";
import { POLLIN } from "../linux.ts";
import { type Exit, native } from "../native.ts";
import { type Copy, copyEntry, copyStep, isOpen, openCopy, stopCopy } from "./copy.ts";
import { passReady } from "./notify.ts";
import { ownPipes } from "./pipes.ts";
import { attachTerminal, type HostTerminal, openHostTerminal } from "./terminal.ts";

const SIGCHLD = 17;
const SIGWINCH = 28;
/**
 * Not passed on: KILL and STOP cannot be caught; ILL, TRAP, BUS, FPE and SEGV are faults of this process;
 * PIPE, CHLD, URG and WINCH are its own; 32 and 33 are libc's.
 */
const notForwarded = new Set([9, 19, 4, 5, 7, 8, 11, 13, 17, 23, 28, 32, 33]);

export type ForegroundInit = {
  readonly pid: number;
  readonly pidfd: number;
  /** Socket on which the container says that it is ready (see notify.ts). */
  readonly notify?: number;
};

export type Foreground = {
  /** The container's 0, 1 and 2. */
  readonly stdio: readonly [number, number, number];
  /** To be called when the container is made: closes its ends, takes the pty master. */
  attach(master: number | undefined): void;
  /** Copies and forwards until the container's init has ended; returns the exit status for the caller. */
  stay(init: ForegroundInit): number;
  /** Gives the terminal back as it was. */
  close(): void;
};

/** Prepares to stay with a container; `owner` is its root, who must be able to reopen the pipes. */
export function openForeground(options: {
  readonly terminal: boolean;
  readonly owner: { readonly uid: number; readonly gid: number };
}): Foreground {
  const signalFd = native().signalfd([...forwardedSignals, SIGCHLD, SIGWINCH]);
  return options.terminal ? withTerminal(signalFd) : withPipes(signalFd, options.owner);
}

/** The signals that are passed on to a process in the foreground. */
export const forwardedSignals: readonly number[] = Array.from(
  { length: 64 },
  (_, index) => index + 1,
).filter((signal) => !notForwarded.has(signal));

function withPipes(signalFd: number, owner: { uid: number; gid: number }): Foreground {
  const [stdinRead, stdinWrite] = native().pipe();
  const [stdoutRead, stdoutWrite] = native().pipe();
  const [stderrRead, stderrWrite] = native().pipe();
  const theirs = [stdinRead, stdoutWrite, stderrWrite] as const;
  ownPipes(theirs, owner);
  const copies = [
    openCopy({ from: 0, to: stdinWrite, closeTo: true }),
    openCopy({ from: stdoutRead, to: 1, closeFrom: true }),
    openCopy({ from: stderrRead, to: 2, closeFrom: true }),
  ];
  const outputs = copies.slice(1);
  let attached = false;
  const attach = (): void => {
    if (!attached) theirs.forEach((fd) => closeSync(fd));
    attached = true;
  };
  return {
    stdio: theirs,
    attach,
    stay: (init) => relay({ init, signalFd, copies, outputs, resize: () => {} }),
    close: () => {
      attach();
      copies.forEach(stopCopy);
      closeSync(signalFd);
    },
  };
}

function withTerminal(signalFd: number): Foreground {
  const host = openHostTerminal();
  let master: number | undefined;
  let attached: HostTerminal | undefined;
  return {
    stdio: [0, 1, 2],
    attach: (fd) => {
      if (fd === undefined) throw new TsrunError("CONSOLE", "init did not send the terminal");
      master = fd;
      attached = attachTerminal(host, fd);
    },
    stay: (init) => {
      const input = openCopy({ from: 0, to: master! });
      const output = openCopy({ from: master!, to: 1 });
      return relay({
        init,
        signalFd,
        copies: [input, output],
        outputs: [output],
        resize: () => attached?.resize(),
      });
    },
    close: () => {
      attached?.restore();
      host.close();
      closeSync(signalFd);
    },
  };
}

type RelayOptions = {
  readonly init: ForegroundInit;
  readonly signalFd: number;
  readonly copies: readonly Copy[];
  /** Those that must come to their end before the container is over. */
  readonly outputs: readonly Copy[];
  readonly resize: () => void;
};

function relay(options: RelayOptions): number {
  const { init, signalFd, copies, outputs } = options;
  let exit: Exit | undefined;
  let notify = init.notify ?? -1;
  while (exit === undefined || outputs.some(isOpen)) {
    const active = copies.filter(isOpen);
    const entries = [
      { fd: signalFd, events: POLLIN },
      { fd: exit === undefined ? init.pidfd : -1, events: POLLIN },
      { fd: notify, events: POLLIN },
      ...active.map(copyEntry),
    ];
    const ready = native().poll(entries, -1);
    if (ready[1]) exit = native().waitPidfd(init.pidfd, true) ?? exit;
    active.forEach((copy, index) => copyStep(copy, ready[index + 3] ?? 0));
    // systemd should watch this process: it ends when the container does.
    if (ready[2] && passReady(notify, process.pid)) notify = -1;
    if (ready[0]) exit = handleSignals(options, exit) ?? exit;
  }
  return exit.signaled ? 128 + exit.code : exit.code;
}

function handleSignals(options: RelayOptions, known: Exit | undefined): Exit | undefined {
  const { init, signalFd, resize } = options;
  let exit = known;
  for (const signal of native().readSignals(signalFd)) {
    if (signal === SIGWINCH) resize();
    else if (signal === SIGCHLD) exit = reapAll(init.pid) ?? exit;
    else if (exit === undefined) forward(init.pidfd, signal);
  }
  return exit;
}

/** Reaps every child that has ended, as orphans of the container come to us; returns the end of init. */
function reapAll(init: number): Exit | undefined {
  let exit: Exit | undefined;
  for (let ended = native().reapAny(); ended !== null; ended = native().reapAny()) {
    if (ended.pid === init) exit = ended;
  }
  return exit;
}

function forward(pidfd: number, signal: number): void {
  try {
    native().pidfdSendSignal(pidfd, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
