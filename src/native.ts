// The only place that loads the addon. The addon holds mechanism only: each function is one kernel
// call or a short fixed sequence of them; it throws NativeError and decides nothing.
import { dirname, join } from "node:path";
import { TsrunError } from "./errors.ts";

/** What the addon throws, as Node does: errno name in `code`, negative `errno`, the failing call in `syscall`. */
export type NativeError = Error & { code: string; errno: number; syscall: string };

export type SpawnOptions = {
  /** What to execute: a file descriptor (execveat with AT_EMPTY_PATH) or an absolute path. */
  file: number | string;
  argv: readonly string[];
  env: readonly string[];
  /** fds[i] becomes descriptor i of the child; everything else is closed. -1 leaves i closed. */
  fds: readonly number[];
  /** CLONE_NEW* flags. The child is cloned with CLONE_VM|CLONE_VFORK|CLONE_PIDFD besides. */
  cloneFlags: number;
  /** A cgroup v2 directory to be born in (CLONE_INTO_CGROUP), or -1. */
  cgroupFd: number;
  /** Working directory of the child. */
  cwd?: string;
  /** RLIMIT_NOFILE of the child: node raises its own soft limit at start, the child gets the caller's. */
  nofile?: readonly [soft: bigint, hard: bigint];
  /** setsid in the child. */
  newSession?: boolean;
};

export type Spawned = { pid: number; pidfd: number };
export type Message = { data: Uint8Array; fds: number[] };
export type PollEntry = { fd: number; events: number };
/** How a child ended: `code` is an exit status or, when `signaled`, a signal number. */
export type Exit = { pid: number; code: number; signaled: boolean };
/** With the time that its CPUs took, its waited-for children included. */
export type TimedExit = Exit & { userMs: number; systemMs: number };

export type SeccompRule = {
  action: number;
  names: readonly string[];
  args: readonly { index: number; op: number; value: bigint; valueTwo: bigint }[];
};
export type SeccompProfile = {
  defaultAction: number;
  /** SCMP_ARCH_* tokens besides the native one. */
  architectures: readonly number[];
  rules: readonly SeccompRule[];
};
export type SeccompFilter = {
  /** struct sock_filter array, ready for seccomp(2). */
  filter: Uint8Array;
  /** Names libseccomp does not know; they were skipped. */
  unknown: string[];
};

/** A connection; only the addon looks inside. */
export type Bus = { readonly __bus: never };
/** x and t are bigint, the other numbers number; arrays, structs and dict entries are arrays, a variant is [signature, value]. */
export type BusValue = string | number | bigint | boolean | readonly BusValue[];
export type BusCall = {
  destination: string;
  path: string;
  interface: string;
  member: string;
  /** D-Bus signature of the arguments. */
  signature: string;
  arguments: readonly BusValue[];
};
export type BusSignal = { member: string; body: BusValue[] };

export type Native = {
  /** The id that addon, init and bundle of one build share. */
  readonly buildId: string;

  // -- processes
  spawn(options: SpawnOptions): Spawned;
  pidfdOpen(pid: number): number;
  pidfdSendSignal(pidfd: number, signal: number): void;
  kill(pid: number, signal: number): void;
  /** waitid on a pidfd; null when `nohang` and it has not ended. The child is reaped. */
  waitPidfd(pidfd: number, nohang: boolean): TimedExit | null;
  /** waitpid(-1, WNOHANG): reaps one child that has ended, or null. */
  reapAny(): Exit | null;
  setChildSubreaper(on: boolean): void;
  /** prlimit(2) of one resource (RLIMIT_* number) of another process. */
  setRlimit(pid: number, resource: number, soft: bigint, hard: bigint): void;
  getRlimit(resource: number): [soft: bigint, hard: bigint];
  /** _exit(2): no heap teardown, no exit handlers. Write all output before. */
  exitNow(code: number): never;

  // -- descriptors
  /** A memfd with this content, sealed against every change; executable ones for init. */
  sealedMemfd(name: string, content: Uint8Array, executable: boolean): number;
  /** SOCK_SEQPACKET pair, close-on-exec. */
  socketpair(): [number, number];
  /** connect(2) to an AF_UNIX SOCK_STREAM socket. */
  connectUnix(path: string): number;
  /** AF_UNIX SOCK_STREAM socket that listens at a path; non-blocking. */
  listenUnix(path: string): number;
  /** The next connection, or null. */
  accept(fd: number): number | null;
  /** AF_UNIX SOCK_DGRAM socket bound to a path, writable for everyone. */
  bindDatagram(path: string): number;
  /** AF_UNIX SOCK_DGRAM socket connected to a path; a leading "@" is the abstract namespace. */
  connectDatagram(path: string): number;
  /** NETLINK_ROUTE socket in a network namespace, or in the caller's (-1). */
  netlinkSocket(netnsFd: number): number;
  sendMessage(fd: number, data: Uint8Array, fds: readonly number[]): void;
  /** One message, or null when the other end is closed or dead, or undefined when timeoutMs passes (-1: for ever). */
  receiveMessage(fd: number, maxBytes: number, timeoutMs: number): Message | null | undefined;
  /** poll(2): revents of each entry. */
  poll(entries: readonly PollEntry[], timeoutMs: number): number[];
  pipe(): [read: number, write: number];
  setNonblocking(fd: number, on: boolean): void;
  /** fcntl FD_CLOEXEC of every descriptor from `first` on. */
  closeOnExecFrom(first: number): void;
  /** openat2(2) with O_CLOEXEC besides. */
  openat2(dirfd: number, path: string, flags: number, mode: number, resolve: number): number;
  mkfifo(path: string, mode: number): void;
  /** flock(2); false when LOCK_NB and someone else holds it. */
  flock(fd: number, operation: number): boolean;
  /** renameat2 with RENAME_NOREPLACE; false when the target exists. */
  renameNoReplace(from: string, to: string): boolean;
  /** mount_setattr(2): maps the ids of a detached mount through a user namespace. */
  idmapMount(mountFd: number, usernsFd: number, recursive: boolean): void;

  // -- signals
  /**
   * Catches the signals and returns a descriptor to read them from (close-on-exec, non-blocking): a pipe, as
   * signalfd(2) would need them blocked in all threads. A later call takes over.
   */
  signalfd(signals: readonly number[]): number;
  /** Numbers of the signals that came since the last call. */
  readSignals(fd: number): number[];

  // -- terminals
  isTerminal(fd: number): boolean;
  /** Puts a terminal into raw mode, but for newlines; returns the old settings for restoreTerminal. */
  rawMode(fd: number): Uint8Array;
  /** A terminal that puts no carriage returns in front of newlines (ONLCR off). */
  plainNewlines(fd: number): void;
  restoreTerminal(fd: number, settings: Uint8Array): void;
  getWindowSize(fd: number): { rows: number; columns: number };
  setWindowSize(fd: number, rows: number, columns: number): void;

  // -- kernel services
  readonly libseccompVersion: string;
  seccompCompile(profile: SeccompProfile): SeccompFilter;
  /** seccomp(SECCOMP_GET_ACTION_AVAIL). */
  seccompActionAvailable(action: number): boolean;
  /** SCMP_ARCH token of the running kernel. */
  seccompNativeArch(): number;
  /** seccomp_syscall_resolve_name_arch: the number of a system call; negative when the architecture has none. */
  seccompResolve(name: string, architecture: number): number;
  /** Loads a BPF_PROG_TYPE_CGROUP_DEVICE program; returns its descriptor. The verifier's log is in the error. */
  bpfLoadDevice(instructions: Uint8Array, name: string): number;
  /** Attaches to the cgroup, replacing the programs that were attached there (BPF_F_ALLOW_MULTI). */
  bpfReplaceDevice(cgroupFd: number, programFd: number): void;

  // -- the event loop of the calling thread
  /** Calls back as long as one of the events (POLL*) is there; one watch for each descriptor. It keeps the loop going. */
  watch(fd: number, events: number, callback: (ready: number) => void): void;
  /** Waits for other events; 0: for none. */
  changeWatch(fd: number, events: number): void;
  /** Whether the loop goes on for the sake of this watch. */
  holdLoop(fd: number, on: boolean): void;
  /** Ends the watch; to be called before its descriptor is closed. */
  endWatch(fd: number): void;

  // -- D-Bus, by libsystemd, which is loaded by busOpen
  /** Connects to a bus, or, when `direct`, to a service that listens without one. */
  busOpen(address: string, direct: boolean): Bus;
  busClose(bus: Bus): void;
  /** A method call; returns what the reply carries. A refusal has the D-Bus name of the error in `busError`. */
  busCall(bus: Bus, call: BusCall, timeoutMs: number): BusValue[];
  /** Asks for signals (a D-Bus match rule), which busReceive returns. */
  busMatch(bus: Bus, rule: string): void;
  /** The next signal; undefined when timeoutMs passes. */
  busReceive(bus: Bus, timeoutMs: number): BusSignal | undefined;
};

let loaded: Native | undefined;

/** The addon; loaded at the first call, from beside the executable or from the build tree. */
export function native(): Native {
  if (loaded === undefined) {
    const module = { exports: {} };
    process.dlopen(module, addonPath());
    loaded = refuseOtherBuild(module.exports as Native);
  }
  return loaded;
}

/** The id of the native sources that this bundle was built with; not known when run from source. */
declare const __TSRUN_BUILD_ID__: string;

function refuseOtherBuild(addon: Native): Native {
  const expected = typeof __TSRUN_BUILD_ID__ === "string" ? __TSRUN_BUILD_ID__ : addon.buildId;
  if (addon.buildId === expected) return addon;
  throw new TsrunError("INTERNAL", `${addonPath()} belongs to another build of tsrun`, {
    hint: "reinstall tsrun: its engine, addon and init must come from one build",
  });
}

/** Directory of the addon and init: beside the engine, or build/Release when run from source. */
export function nativeDirectory(): string {
  const override = globalThis.tsrunNativeDirectory;
  return override ?? dirname(process.execPath);
}

function addonPath(): string {
  return join(nativeDirectory(), "tsrun.node");
}

declare global {
  /** Set by whoever embeds tsrun from another place than the engine (the library entry, the tests). */
  var tsrunNativeDirectory: string | undefined;
}
