// Sockets on which descriptors are received: what `--console-socket` and `--pidfd-socket` of a runtime connect to.
import { closeSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { TsrunError } from "../errors.ts";
import { parseSignal } from "../lifecycle/kill.ts";
import { POLLIN } from "../linux.ts";
import { native } from "../native.ts";
import { watchProcess } from "./children.ts";
import { awaitEnd, waitForEnd } from "./exit.ts";
import { abortedBy, throwIfAborted } from "./failure.ts";
import { requireLinux } from "./platform.ts";
import { openTerminal } from "./terminal.ts";
import type { Abortable, ConsoleSocket, PidfdSocket, ReceivedProcess } from "./types.ts";

/** Listens for terminals, on a socket in a directory that only this user can enter. */
export async function openConsoleSocket(): Promise<ConsoleSocket> {
  const { path, receive, close } = await openReceiver();
  return {
    path,
    receive: async ({ signal, terminalSize } = {}) =>
      openTerminal(await receive({ signal }), terminalSize),
    [Symbol.asyncDispose]: close,
  };
}

/** Listens for pidfds, on a socket in a directory that only this user can enter. */
export async function openPidfdSocket(): Promise<PidfdSocket> {
  const { path, receive, close } = await openReceiver();
  return {
    path,
    receive: async (options) => describeProcess(await receive(options)),
    [Symbol.asyncDispose]: close,
  };
}

function describeProcess(pidfd: number): ReceivedProcess {
  const pid = Number(
    /^Pid:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${pidfd}`, "utf8"))?.[1],
  );
  if (!(pid > 0)) {
    closeSync(pidfd);
    throw new TsrunError("CONSOLE", "what was sent is no pidfd of a process that runs");
  }
  const awaited = awaitEnd(watchProcess(pid, pidfd), null);
  return {
    pid,
    wait: (options) => waitForEnd(awaited, options),
    kill: (signal = "TERM") => void awaited.watched.send(parseSignal(signal)),
  };
}

type Receiver = {
  readonly path: string;
  readonly receive: (options?: Abortable) => Promise<number>;
  readonly close: () => Promise<void>;
};

async function openReceiver(): Promise<Receiver> {
  requireLinux();
  const directory = await mkdtemp(join(tmpdir(), "tsrun-"));
  const path = join(directory, "socket");
  const queue = openQueue();
  const listener = native().listenUnix(path);
  const connections = new Set<number>();
  const end = (fd: number): void => {
    native().endWatch(fd);
    closeSync(fd);
    connections.delete(fd);
  };
  native().watch(listener, POLLIN, () => {
    for (let fd = native().accept(listener); fd !== null; fd = native().accept(listener)) {
      const connection = fd;
      connections.add(connection);
      native().watch(connection, POLLIN, () => {
        take(connection).forEach(queue.put);
        end(connection);
      });
    }
  });
  native().holdLoop(listener, false);
  let open = true;
  let receivers = 0;
  const hold = (by: number): void => {
    receivers += by;
    if (open) native().holdLoop(listener, receivers > 0);
  };
  return {
    path,
    receive: async (options) => {
      if (!open) throw closed();
      hold(1);
      try {
        return await queue.next(options);
      } finally {
        hold(-1);
      }
    },
    close: async () => {
      if (!open) return;
      open = false;
      [listener, ...connections].forEach(end);
      queue.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function take(connection: number): number[] {
  try {
    return native().receiveMessage(connection, 4096, 0)?.fds ?? [];
  } catch {
    return []; // it was too much, or has gone
  }
}

function closed(): TsrunError {
  return new TsrunError("CONSOLE", "the socket is closed");
}

type Waiter = { readonly give: (fd: number) => void; readonly refuse: (error: unknown) => void };

/** Descriptors that wait to be received, and receivers that wait for descriptors. */
function openQueue() {
  const fds: number[] = [];
  const waiters: Waiter[] = [];
  const next = ({ signal }: Abortable = {}): Promise<number> => {
    throwIfAborted(signal);
    const ready = fds.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        waiters.splice(waiters.indexOf(waiter), 1);
        reject(abortedBy(signal!));
      };
      const done = (): void => signal?.removeEventListener("abort", abort);
      const waiter: Waiter = {
        give: (fd) => (done(), resolve(fd)),
        refuse: (error) => (done(), reject(error)),
      };
      signal?.addEventListener("abort", abort);
      waiters.push(waiter);
    });
  };
  return {
    next,
    put: (fd: number) => {
      const waiter = waiters.shift();
      if (waiter === undefined) fds.push(fd);
      else waiter.give(fd);
    },
    close: () => {
      fds.splice(0).forEach((fd) => closeSync(fd));
      waiters.splice(0).forEach((waiter) => waiter.refuse(closed()));
    },
  };
}
