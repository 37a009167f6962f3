// The runtime's side of the sync protocol. Numbers of kinds and points: native/wire.def.
//
//   init (stage 1, or 2)            runtime
//   --------------------            -------
//   sync cgroup          ───▶       moves init into the container's cgroup (exec with an initial CPU affinity), or has
//                                   systemd start a scope with it
//                        ◀───  go
//   sync map             ───▶       writes uid_map and gid_map of the new user namespace
//                        ◀───  go
//   pid N                ───▶       N is the container's process from here on (CLONE_PARENT: our child)
//   sync netns           ───▶       moves network devices into the container's namespace
//                        ◀───  go
//   idmap + mount        ───▶       maps the ids of the mount, which was found in the container's own tree
//                        ◀───  go
//   console + fd         ───▶       passes the pty master on to the console socket, or keeps it
//   sync prestart        ───▶       runs prestart, createRuntime, createContainer hooks
//                        ◀───  go
//   sync commit          ───▶       sets rlimits, writes state.json
//                        ◀───  go
//   listener + fd        ───▶       passes the seccomp notify descriptor on to listenerPath
//   ready                ───▶       create is done (and init waits on the exec fifo)
//   or sync start        ───▶       create is done; runs startContainer hooks, then
//                        ◀───  go
//   end of the stream    ───▶       the user's program runs
//
//   warn  at any time    ───▶       an optional op failed: passes it on as a warning
//   fail  at any time    ───▶       the op with this index failed: init is gone; undo everything
//   end of the stream at any other time: init was killed
//
// A plan has only the points it needs, but always in this order. `step` is pure; the loop that receives
// messages and carries out effects is in converse.ts.
import { TsrunError } from "../errors.ts";
import { message as wireMessage, syncPoint } from "../plan/wire.ts";

export type PointName = keyof typeof syncPoint;

export type InitMessage =
  | { readonly kind: "sync"; readonly point: PointName }
  | { readonly kind: "pid"; readonly pid: number }
  | { readonly kind: "console"; readonly fd: number }
  | { readonly kind: "listener"; readonly fd: number }
  | { readonly kind: "idmap"; readonly op: number; readonly fd: number }
  | { readonly kind: "ready" }
  | { readonly kind: "warn" | "fail"; readonly report: OpReport }
  | { readonly kind: "end" };

/** What init says about an op that did not work. */
export type OpReport = {
  readonly op: number;
  readonly errno: number;
  readonly text: string;
  /** The text says it all: the words of errno would be one reason too many. */
  readonly complete?: true;
};

export type Effect =
  | { readonly kind: "go" }
  | {
      readonly kind: "enter-cgroup" | "write-maps" | "move-devices" | "run-create-hooks" | "commit";
    }
  | { readonly kind: "adopt"; readonly pid: number }
  | { readonly kind: "pass-console" | "pass-listener"; readonly fd: number }
  | { readonly kind: "map-mount"; readonly op: number; readonly fd: number }
  | { readonly kind: "warn"; readonly report: OpReport };

/** How far a conversation went. The last four end it. */
export type Progress =
  | { readonly at: "talking"; readonly last: PointName | null }
  | { readonly at: "ready" }
  | { readonly at: "waiting" }
  | { readonly at: "running" }
  | { readonly at: "failed"; readonly report: OpReport }
  | { readonly at: "died" };

export type Step = { readonly progress: Progress; readonly effects: readonly Effect[] };

const order: readonly PointName[] = ["cgroup", "map", "netns", "prestart", "commit", "start"];

const replies: Readonly<Record<Exclude<PointName, "start">, readonly Effect[]>> = {
  cgroup: [{ kind: "enter-cgroup" }, { kind: "go" }],
  map: [{ kind: "write-maps" }, { kind: "go" }],
  netns: [{ kind: "move-devices" }, { kind: "go" }],
  prestart: [{ kind: "run-create-hooks" }, { kind: "go" }],
  commit: [{ kind: "commit" }, { kind: "go" }],
};

/** What a message from init means for a conversation that went as far as `progress`. */
export function step(progress: Progress, received: InitMessage): Step {
  if (received.kind === "warn")
    return { progress, effects: [{ kind: "warn", report: received.report }] };
  if (received.kind === "fail") return stop({ at: "failed", report: received.report });
  if (progress.at === "waiting") {
    return received.kind === "end" ? stop({ at: "running" }) : unexpected(progress, received);
  }
  if (progress.at !== "talking") return unexpected(progress, received);
  switch (received.kind) {
    case "sync":
      return reach(progress, received.point);
    case "pid":
      return { progress, effects: [{ kind: "adopt", pid: received.pid }] };
    case "console":
      return { progress, effects: [{ kind: "pass-console", fd: received.fd }] };
    case "listener":
      return { progress, effects: [{ kind: "pass-listener", fd: received.fd }] };
    case "idmap": {
      const { op, fd } = received;
      return { progress, effects: [{ kind: "map-mount", op, fd }, { kind: "go" }] };
    }
    case "ready":
      return stop({ at: "ready" });
    case "end":
      return stop({ at: "died" });
  }
}

function reach(progress: Progress & { at: "talking" }, point: PointName): Step {
  const before = progress.last === null ? -1 : order.indexOf(progress.last);
  if (order.indexOf(point) <= before) return unexpected(progress, { kind: "sync", point });
  if (point === "start") return stop({ at: "waiting" });
  return { progress: { at: "talking", last: point }, effects: replies[point] };
}

function stop(progress: Progress): Step {
  return { progress, effects: [] };
}

function unexpected(progress: Progress, received: InitMessage): never {
  const what = received.kind === "sync" ? `sync ${received.point}` : received.kind;
  const where = progress.at === "talking" ? `after ${progress.last ?? "nothing"}` : progress.at;
  throw new TsrunError("INTERNAL", `init sent an unexpected message: ${what} (${where})`);
}

const headerBytes = 16;

/** Reads one message of init; `null` is the end of the stream. */
export function decodeMessage(
  raw: { data: Uint8Array; fds: readonly number[] } | null,
): InitMessage {
  if (raw === null) return { kind: "end" };
  const { data, fds } = raw;
  if (data.length < headerBytes) throw malformed(`${data.length} bytes`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const kind = view.getUint32(0, true);
  const value = view.getUint32(12, true);
  switch (kind) {
    case wireMessage.sync:
      return { kind: "sync", point: pointName(value) };
    case wireMessage.pid:
      return { kind: "pid", pid: value };
    case wireMessage.console:
      return { kind: "console", fd: onlyFd(fds) };
    case wireMessage.listener:
      return { kind: "listener", fd: onlyFd(fds) };
    case wireMessage.idmap:
      return { kind: "idmap", op: view.getUint32(4, true), fd: onlyFd(fds) };
    case wireMessage.ready:
      return { kind: "ready" };
    case wireMessage.warn:
      return { kind: "warn", report: readReport(view) };
    case wireMessage.fail:
      return { kind: "fail", report: readReport(view) };
    default:
      throw malformed(`kind ${kind}`);
  }
}

/** The runtime's only message. */
export function encodeGo(): Uint8Array {
  const data = new Uint8Array(headerBytes);
  new DataView(data.buffer).setUint32(0, wireMessage.go, true);
  return data;
}

function readReport(view: DataView): OpReport {
  const bytes = new Uint8Array(
    view.buffer,
    view.byteOffset + headerBytes,
    view.byteLength - headerBytes,
  );
  const end = bytes.indexOf(0);
  const text = Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("utf8");
  const report = { op: view.getUint32(4, true), errno: Math.abs(view.getInt32(8, true)), text };
  return view.getUint32(12, true) === 1 ? { ...report, complete: true } : report;
}

function pointName(value: number): PointName {
  const found = order.find((name) => syncPoint[name] === value);
  if (found === undefined) throw malformed(`sync point ${value}`);
  return found;
}

function onlyFd(fds: readonly number[]): number {
  const [fd] = fds;
  if (fd === undefined || fds.length !== 1) throw malformed(`${fds.length} descriptors`);
  return fd;
}

function malformed(what: string): TsrunError {
  return new TsrunError("INTERNAL", `init sent a message that is not of the protocol: ${what}`);
}
