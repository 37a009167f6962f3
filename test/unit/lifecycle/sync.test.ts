import t from "tap";

import {
  decodeMessage,
  encodeGo,
  type InitMessage,
  type Progress,
  step,
} from "../../../src/lifecycle/sync.ts";
import { message } from "../../../src/plan/wire.ts";

const begin: Progress = { at: "talking", last: null };

/** Runs a conversation and gives the kinds of all effects and where it ended. */
function converse(messages: readonly InitMessage[], from: Progress = begin): [string[], string] {
  let progress = from;
  const kinds: string[] = [];
  for (const received of messages) {
    const next = step(progress, received);
    kinds.push(...next.effects.map(({ kind }) => kind));
    progress = next.progress;
  }
  return [kinds, progress.at];
}

const sync = (point: "map" | "netns" | "prestart" | "commit" | "start"): InitMessage => ({
  kind: "sync",
  point,
});
const report = { op: 7, errno: 2, text: "open_tree /srv" };

t.test("the shortest create is commit, ready", (t) => {
  t.same(converse([sync("commit"), { kind: "ready" }]), [["commit", "go"], "ready"]);
  t.end();
});

t.test("every point is answered in order", (t) => {
  const all: InitMessage[] = [
    sync("map"),
    { kind: "pid", pid: 9 },
    sync("netns"),
    { kind: "idmap", op: 12, fd: 4 },
    { kind: "console", fd: 5 },
    sync("prestart"),
    sync("commit"),
    { kind: "listener", fd: 6 },
    { kind: "ready" },
  ];
  t.same(converse(all), [
    [
      "write-maps",
      "go",
      "adopt",
      "move-devices",
      "go",
      "map-mount",
      "go",
      "pass-console",
      "run-create-hooks",
      "go",
      "commit",
      "go",
      "pass-listener",
    ],
    "ready",
  ]);
  t.end();
});

t.test("a foreground run waits at start, and runs at the end of the stream", (t) => {
  t.same(converse([sync("commit"), sync("start")]), [["commit", "go"], "waiting"]);
  t.same(converse([{ kind: "end" }], { at: "waiting" }), [[], "running"]);
  t.end();
});

t.test("a program that cannot be executed fails after start", (t) => {
  t.same(step({ at: "waiting" }, { kind: "fail", report }).progress, { at: "failed", report });
  t.end();
});

t.test("the end of the stream before that means that init died", (t) => {
  t.same(converse([sync("commit"), { kind: "end" }]), [["commit", "go"], "died"]);
  t.same(converse([{ kind: "end" }]), [[], "died"]);
  t.end();
});

t.test("a failed op ends the conversation with its report", (t) => {
  t.same(step(begin, { kind: "fail", report }), {
    progress: { at: "failed", report },
    effects: [],
  });
  t.end();
});

t.test("a warning changes nothing", (t) => {
  t.same(step(begin, { kind: "warn", report }), {
    progress: begin,
    effects: [{ kind: "warn", report }],
  });
  t.end();
});

t.test("a point that was passed cannot come again", (t) => {
  t.throws(() => converse([sync("commit"), sync("prestart")]), {
    code: "INTERNAL",
    message: /sync prestart/,
  });
  t.throws(() => converse([sync("commit"), sync("commit")]), { code: "INTERNAL" });
  t.end();
});

function bytes(
  kind: number,
  fields: { op?: number; errno?: number; value?: number; text?: string },
): Uint8Array {
  const text = Buffer.from(fields.text ?? "");
  const data = Buffer.alloc(16 + text.length);
  data.writeUInt32LE(kind, 0);
  data.writeUInt32LE(fields.op ?? 0, 4);
  data.writeInt32LE(fields.errno ?? 0, 8);
  data.writeUInt32LE(fields.value ?? 0, 12);
  text.copy(data, 16);
  return data;
}

t.test("messages are read as they are on the wire", (t) => {
  const read = (data: Uint8Array, fds: number[] = []): InitMessage => decodeMessage({ data, fds });
  t.same(read(bytes(message.sync, { value: 3 })), sync("commit"));
  t.same(read(bytes(message.pid, { value: 4321 })), { kind: "pid", pid: 4321 });
  t.same(read(bytes(message.console, {}), [11]), { kind: "console", fd: 11 });
  t.same(read(bytes(message.idmap, { op: 12 }), [4]), { kind: "idmap", op: 12, fd: 4 });
  t.same(read(bytes(message.fail, { op: 7, errno: 2, text: "open_tree /srv" })), {
    kind: "fail",
    report,
  });
  t.same(read(bytes(message.warn, { op: 7, errno: 2, text: "open_tree /srv\0" })), {
    kind: "warn",
    report,
  });
  t.same(read(bytes(message.fail, { op: 7, errno: 2, value: 1, text: "open_tree /srv" })), {
    kind: "fail",
    report: { ...report, complete: true },
  });
  t.same(decodeMessage(null), { kind: "end" });
  t.end();
});

t.test("what is not of the protocol is refused", (t) => {
  t.throws(() => decodeMessage({ data: new Uint8Array(3), fds: [] }), { code: "INTERNAL" });
  t.throws(() => decodeMessage({ data: bytes(99, {}), fds: [] }), { code: "INTERNAL" });
  t.throws(() => decodeMessage({ data: bytes(message.sync, { value: 99 }), fds: [] }), {
    code: "INTERNAL",
  });
  t.throws(() => decodeMessage({ data: bytes(message.console, {}), fds: [] }), {
    code: "INTERNAL",
  });
  t.end();
});

t.test("go is a header alone", (t) => {
  t.same(encodeGo(), new Uint8Array(bytes(message.go, {})));
  t.end();
});
