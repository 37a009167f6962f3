// What a program sees of the library. Everything is a type here; the functions behind are in the files beside.
import type { Duplex, Readable, Writable } from "node:stream";

import type { Stats } from "../cgroup/stats.ts";
import type { ContainerView } from "../lifecycle/state.ts";
import type { Resources, Spec } from "../spec/types.ts";

/** Ends what it belongs to when it is aborted: the call is rejected with a TsrunError of code `ABORTED`, whose `cause` is the signal's reason, once nothing is left of what it had begun. */
export type Abortable = { readonly signal?: AbortSignal };

/** How containers are made and where their state is. */
export type RuntimeOptions = {
  /** The directory with the state of all containers; what tsrun's command line calls `--root`. Default: `/run/tsrun`. */
  readonly root?: string;
  /** Who makes cgroups. Default: `"cgroupfs"`. */
  readonly cgroupManager?: "cgroupfs" | "systemd" | "disabled";
  /** Whether rights of the real root are assumed. Default: `"auto"`. */
  readonly rootless?: boolean | "auto";
  /** Gets what a person should know of a container and what is no error. Default: `process.emitWarning`. */
  readonly warn?: (message: string, id: string) => void;
};

/** Where a process's standard input comes from. `"pipe"`: from a stream that the program writes to. */
export type Input =
  | "ignore"
  | "inherit"
  | "pipe"
  | { readonly file: string }
  | { readonly fd: number };

/** Where a process's output goes. `"pipe"`: to a stream, which somebody has to read, or the process waits. A file is emptied, unless `append` is given. */
export type Output =
  | "ignore"
  | "inherit"
  | "pipe"
  | { readonly file: string; readonly append?: boolean }
  | { readonly fd: number };

/** What a process is given as 0, 1 and 2. Default: `"ignore"` for each. A process with `terminal: true` has its terminal there. */
export type StdioOptions = {
  readonly stdin?: Input;
  readonly stdout?: Output;
  readonly stderr?: Output;
};

/** The size of a terminal in characters. */
export type TerminalSize = { readonly rows: number; readonly columns: number };

/** The program's end of a process's terminal: what is written to it are the keys, what is read is the screen. It ends with the last process that has the terminal open. */
export type Terminal = Duplex & {
  /** Tells the process that its terminal has another size now. */
  resize(size: TerminalSize): void;
};

/** What to make a container of. */
export type CreateOptions = Abortable & {
  /** The name of the container; a new one is made up when it is absent. */
  readonly id?: string;
  /** The directory that relative paths of the configuration start from, with the `config.json` when no `spec` is given. Default: the working directory. */
  readonly bundle?: string;
  /** The configuration; `config.json` of the bundle is not read then. */
  readonly spec?: Spec;
  readonly stdio?: StdioOptions;
  /** The first size of the terminal of a process with `terminal: true`. */
  readonly terminalSize?: TerminalSize;
  /** A socket that the terminal is sent to in place of a `Terminal` here; see `openConsoleSocket`. */
  readonly consoleSocket?: string;
  /** A socket that the pidfd of the container's init is sent to; see `openPidfdSocket`. */
  readonly pidfdSocket?: string;
  /** Do without pivot_root(2); only for a root file system on the initial ramdisk. */
  readonly noPivot?: boolean;
  /** Leave the container in the session keyring of this process. */
  readonly noNewKeyring?: boolean;
};

/** What `run` makes and stays with to its end. */
export type RunOptions = CreateOptions & {
  /** What to do while the container runs. It is deleted when the container has ended, whether this is done or not. */
  readonly whileRunning?: (container: Container) => void | Promise<void>;
};

/** What to run in a container that is there. What is not given is as the container's own process has it. */
export type ExecOptions = Abortable & {
  /** The program and its arguments. */
  readonly args: readonly string[];
  /** Added to the container's environment, as `NAME=value`. */
  readonly env?: readonly string[];
  readonly cwd?: string;
  readonly user?: { readonly uid: number; readonly gid?: number };
  readonly additionalGids?: readonly number[];
  /** Capabilities besides the container's. */
  readonly capabilities?: readonly string[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  /** Give it a terminal. */
  readonly terminal?: boolean;
  readonly terminalSize?: TerminalSize;
  readonly consoleSocket?: string;
  readonly stdio?: StdioOptions;
  /** Run it in a paused container, too; it waits with the others there. */
  readonly ignorePaused?: boolean;
};

/** CPU time in milliseconds, of the process and of the children that it waited for, and the time from its start to its end. */
export type Times = { readonly user: number; readonly system: number; readonly elapsed: number };

/** How a process ended. `"unknown"`: it was started by another process than this one, and only its parent is told. */
export type ExitStatus =
  | {
      readonly reason: "exited";
      readonly exitCode: number;
      readonly signal: null;
      readonly oom: boolean;
      readonly times: Times;
    }
  | {
      readonly reason: "signaled";
      readonly exitCode: null;
      /** `SIGKILL` */
      readonly signal: string;
      /** The kernel has killed processes of the container for want of memory. */
      readonly oom: boolean;
      readonly times: Times;
    }
  | {
      readonly reason: "unknown";
      readonly exitCode: null;
      readonly signal: null;
      readonly oom: boolean;
      readonly times: null;
    };

/** What happens to a container. */
export type ContainerEvent =
  /** Its init has ended; no event comes after this one. */
  | { readonly type: "exit"; readonly status: ExitStatus }
  /** The kernel has killed processes for want of memory: so many since the last such event. */
  | { readonly type: "oom"; readonly kills: number }
  /** Processes could not be made because of `linux.resources.pids.limit`: so many times since the last such event. */
  | { readonly type: "pids-limit"; readonly refusals: number }
  /** Processes have waited for memory for longer than the threshold. */
  | { readonly type: "memory-pressure"; readonly waited: "some" | "full" };

/** What to be told of. */
export type EventsOptions = Abortable & {
  /** When to tell of memory pressure: so many microseconds of waiting within a window. Default: 150 ms within 2 s, of some process. `false`: never. */
  readonly memoryPressure?:
    | false
    | { readonly waited: "some" | "full"; readonly thresholdUs: number; readonly windowUs: number };
};

/** A process in a container that `exec` has started. */
export type ContainerProcess = AsyncDisposable & {
  /** Its pid, as this process sees it. */
  readonly pid: number;
  /** With `stdin: "pipe"`. */
  readonly stdin: Writable | null;
  /** With `stdout: "pipe"`. */
  readonly stdout: Readable | null;
  /** With `stderr: "pipe"`. */
  readonly stderr: Readable | null;
  /** With `terminal: true` and no console socket. */
  readonly terminal: Terminal | null;
  /** Waits for its end. */
  wait(options?: Abortable): Promise<ExitStatus>;
  /** Sends it a signal, by name or number; `SIGTERM` when none is given. One that has ended gets none, and that is no error. */
  kill(signal?: string | number): void;
  /** Kills it and waits for its end, as `await using` does. */
  [Symbol.asyncDispose](): Promise<void>;
};

/** A socket on which the terminal of a container or process is received, whoever makes it: another process with tsrun's `--console-socket`, or this one with `consoleSocket`. */
export type ConsoleSocket = AsyncDisposable & {
  readonly path: string;
  /** The next terminal that is sent. */
  receive(options?: Abortable & { readonly terminalSize?: TerminalSize }): Promise<Terminal>;
  /** Closes and removes it; what was sent and not received is closed as well. */
  [Symbol.asyncDispose](): Promise<void>;
};

/** A socket on which the pidfd of a container's init or of a process is received; `--pidfd-socket` and `pidfdSocket` name it. */
export type PidfdSocket = AsyncDisposable & {
  readonly path: string;
  /** The next process that is sent. */
  receive(options?: Abortable): Promise<ReceivedProcess>;
  /** Closes and removes it. */
  [Symbol.asyncDispose](): Promise<void>;
};

/** A process that is known by its pidfd. */
export type ReceivedProcess = Pick<ContainerProcess, "pid" | "wait" | "kill">;

/** What `state` tells of a container. */
export type ContainerState = ContainerView;

/** One container. `await using` deletes it, whatever it does then. */
export type Container = AsyncDisposable & {
  readonly id: string;
  /** The pid of its init, as this process sees it; 0 when it has ended before this object was made. */
  readonly pid: number;
  readonly bundle: string;
  /** The directory of its cgroup; null when it has none of its own. */
  readonly cgroup: string | null;
  /** With `stdin: "pipe"`, in the process that created it. */
  readonly stdin: Writable | null;
  /** With `stdout: "pipe"`, in the process that created it. */
  readonly stdout: Readable | null;
  /** With `stderr: "pipe"`, in the process that created it. */
  readonly stderr: Readable | null;
  /** With `process.terminal: true` and no console socket, in the process that created it. */
  readonly terminal: Terminal | null;
  /** Lets the user's program run. */
  start(options?: Abortable): Promise<void>;
  state(options?: Abortable): Promise<ContainerState>;
  /** Waits until the container's init has ended. */
  wait(options?: Abortable): Promise<ExitStatus>;
  /** Sends a signal to its init, or to all its processes; `SIGTERM` when none is given. */
  kill(signal?: string | number, options?: Abortable & { readonly all?: boolean }): Promise<void>;
  /** Runs one more process in it. */
  exec(options: ExecOptions): Promise<ContainerProcess>;
  /** Stops all its processes where they are. */
  pause(options?: Abortable): Promise<void>;
  resume(options?: Abortable): Promise<void>;
  /** Changes its limits, all of those that are given or none. */
  update(resources: Resources, options?: Abortable): Promise<void>;
  /** What it has used so far. */
  stats(options?: Abortable): Promise<Stats>;
  /** The pids of its processes. */
  processes(options?: Abortable): Promise<number[]>;
  /** What happens to it from now on, to its end. */
  events(options?: EventsOptions): AsyncIterableIterator<ContainerEvent>;
  /** Removes it when it has ended or was never started; with `force` in any state, and it is no error when it is gone. */
  delete(options?: Abortable & { readonly force?: boolean }): Promise<void>;
  /** `delete({ force: true })` */
  [Symbol.asyncDispose](): Promise<void>;
};

/** All containers below one state directory. It holds nothing that would have to be closed. */
export type Runtime = {
  /** The directory with the state of its containers. */
  readonly root: string;
  /** Makes a container whose program waits for `start`. */
  create(options: CreateOptions): Promise<Container>;
  /** Makes and starts a container, waits for its end and deletes it. Takes less time than the calls one by one. An abort kills it. */
  run(options: RunOptions): Promise<ExitStatus>;
  /** A container that is there, whoever has made it. */
  get(id: string, options?: Abortable): Promise<Container>;
  /** All containers; one that cannot be read is told of by `warn`. */
  list(options?: Abortable): Promise<ContainerState[]>;
};
