// Containers and processes that stay children of this process, as a program has them that uses the library: what is
// left open is handed to the caller, who watches over it.
import { closeSync } from "node:fs";

import { native } from "../native.ts";
import { readState } from "../state/store.ts";
import { checkContainerId } from "../state/id.ts";
import { openProcess } from "./destroy.ts";
import { type ExecOptions, withJoining } from "./exec.ts";
import { joinContainer, letRun } from "./join.ts";
import { containerRoot, discard, makeContainer } from "./make.ts";
import { writePidFile } from "./pid-file.ts";
import { type CreateOptions, prepare, type StartMode } from "./prepare.ts";
import { begin } from "./run.ts";
import { awaitReadiness } from "./start.ts";

/** A process, by descriptors that belong to the caller from here on. */
export type Held = {
  readonly pid: number;
  readonly pidfd: number;
  /** The pty master, when it has a terminal that nobody else was given. */
  readonly console?: number;
};

/** A container, by its init. */
export type HeldContainer = Held & {
  readonly bundle: string;
  /** The directory of its cgroup; null when it has none of its own. */
  readonly cgroup: string | null;
};

export type Stdio = readonly [stdin: number, stdout: number, stderr: number];
/** Gives the descriptors for a process whose root on the host has these ids. */
export type OpenStdio = (owner: { readonly uid: number; readonly gid: number }) => Stdio;

/** What a process is connected with, before it runs. */
export type Wires = {
  readonly openStdio: OpenStdio;
  readonly terminalSize?: { readonly rows: number; readonly columns: number };
};

/** Makes a container; with `sync` it is also started, which takes less than both one after the other. */
export function holdContainer(
  options: CreateOptions,
  start: StartMode["start"],
  { openStdio, terminalSize }: Wires,
): HeldContainer {
  const intent = prepare(options, { start, detach: options.consoleSocket !== undefined });
  const made = makeContainer(intent, openStdio(containerRoot(intent)));
  resize(made.console, terminalSize);
  if (start === "sync") {
    const notify = begin(made);
    if (notify !== undefined) awaitReadiness(notify, made.state);
  } else if (intent.pidFile !== undefined) {
    try {
      writePidFile(intent.pidFile, made.pid);
    } catch (error) {
      discard(made);
      throw error;
    }
  }
  for (const fd of [made.socket, made.cgroupFd, made.lock]) if (fd >= 0) closeSync(fd);
  made.warnings.forEach(options.warn);
  const { pid, pidfd, console, state } = made;
  return { pid, pidfd, console, bundle: state.bundle, cgroup: state.cgroup?.path ?? null };
}

/** Runs one more process in a container. */
export function holdExec(options: ExecOptions, { openStdio, terminalSize }: Wires): Held {
  return withJoining(options, ({ joining, pidFile, owner }) => {
    const joined = joinContainer({ ...joining, stdio: openStdio(owner) });
    resize(joined.console, terminalSize);
    letRun(joined, pidFile);
    const { pid, pidfd, console } = joined;
    return { pid, pidfd, console };
  });
}

function resize(master: number | undefined, size: Wires["terminalSize"]): void {
  if (master !== undefined && size !== undefined)
    native().setWindowSize(master, size.rows, size.columns);
}

/** Opens the init of a container that is there; pidfd -1 when it has ended. */
export function findContainer({ root, id }: { root: string; id: string }): HeldContainer {
  checkContainerId(id);
  const { init, bundle, cgroup } = readState(root, id);
  const pidfd = openProcess(init);
  return { pid: init?.pid ?? 0, pidfd: pidfd ?? -1, bundle, cgroup: cgroup?.path ?? null };
}
