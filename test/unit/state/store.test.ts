import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import t from "tap";

import type { State } from "../../../src/state/state.ts";
import {
  listIds,
  makeStateDirectory,
  readAnyState,
  readState,
  writeState,
} from "../../../src/state/store.ts";

const state: State = {
  version: 1,
  phase: "made",
  id: "c",
  bundle: "/b",
  rootfs: "/b/rootfs",
  created: "2026-01-01T00:00:00Z",
  init: { pid: 42, startTime: 987654 },
  cgroup: { path: "/sys/fs/cgroup/c", driver: "cgroupfs" },
  rootless: false,
  namespaces: [{ type: "pid" }],
};

t.test("what was written is read", (t) => {
  const root = t.testdir();
  const directory = makeStateDirectory(root, "c");
  writeState(directory, state);
  t.same(readState(root, "c"), state);
  t.equal(statSync(`${directory}/state.json`).mode & 0o777, 0o600);
  t.same(readdirSync(directory), ["state.json"], "no temporary file is left");
  t.end();
});

t.test("what others can write to is neither read nor used", (t) => {
  const root = t.testdir();
  writeState(makeStateDirectory(root, "c"), state);
  for (const directory of [`${root}/c`, root]) {
    const { mode } = statSync(directory);
    chmodSync(directory, 0o777);
    t.throws(() => readState(root, "c"), {
      code: "STATE_FOREIGN",
      message: /written to by others/,
    });
    chmodSync(directory, mode);
  }
  chmodSync(root, 0o777);
  t.throws(() => makeStateDirectory(root, "d"), { code: "STATE_FOREIGN" });
  chmodSync(root, 0o1777);
  t.ok(makeStateDirectory(root, "d"), "where only owners remove what is there others may write");
  t.end();
});

t.test("an id is given once", (t) => {
  const root = t.testdir();
  makeStateDirectory(root, "c");
  t.throws(() => makeStateDirectory(root, "c"), {
    code: "CONTAINER_EXISTS",
    message: "container with given ID already exists",
  });
  t.end();
});

t.test("an unknown container does not exist", (t) => {
  t.throws(() => readState(t.testdir(), "c"), {
    code: "CONTAINER_NOT_FOUND",
    message: "container does not exist",
  });
  t.end();
});

t.test("a half made container does not exist, but can be read to be cleaned up", (t) => {
  const root = t.testdir();
  writeState(makeStateDirectory(root, "c"), { ...state, phase: "creating", init: null });
  t.throws(() => readState(root, "c"), { message: "container does not exist", hint: /half made/ });
  t.equal(readAnyState(root, "c").phase, "creating");
  t.end();
});

const damages = {
  "a truncated state.json": [JSON.stringify(state).slice(0, 40), /is damaged: it is not JSON/],
  "an empty state.json": ["", /is damaged: it is not JSON/],
  "a state.json that is null": ["null", /is damaged: it is no object/],
  "another program's state.json": [
    `{"id":"c","init_process_pid":4}`,
    /was not written by tsrun/,
    "STATE_FOREIGN",
  ],
  "a newer tsrun's state.json": [
    JSON.stringify({ ...state, version: 2 }),
    /has version 2/,
    "STATE_FOREIGN",
  ],
  "another container's state.json": [
    JSON.stringify({ ...state, id: "d" }),
    /does not describe container c/,
  ],
} as const satisfies Record<string, readonly [string, RegExp, string?]>;

for (const [what, [text, message, code = "STATE"]] of Object.entries(damages)) {
  t.test(`${what} is refused and named`, (t) => {
    const root = t.testdir();
    writeFileSync(`${makeStateDirectory(root, "c")}/state.json`, text);
    t.throws(() => readState(root, "c"), { code, message });
    t.end();
  });
}

t.test("the ids of a root are its directories, in order", (t) => {
  const root = t.testdir({ file: "" });
  mkdirSync(`${root}/b`);
  mkdirSync(`${root}/a`);
  t.same(listIds(root), ["a", "b"]);
  t.equal(listIds(`${root}/none`), undefined);
  t.end();
});
