import { closeSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

import { checkDaemon, sendRecord } from "../../../src/cli/log-daemon.ts";
import { readLogPlace } from "../../../src/cli/log-place.ts";
import { native } from "../../../src/native.ts";

globalThis.tsrunNativeDirectory = join(import.meta.dirname, "../../../build/Release");

const record = {
  level: "error",
  text: 'level=error msg="it failed"\n',
  time: new Date(2026, 10, 4, 2, 3, 4),
} as const;

function receive(path: string, send: () => void): string {
  const socket = native().bindDatagram(path);
  send();
  const message = native().receiveMessage(socket, 4096, 5000);
  closeSync(socket);
  return Buffer.from(message!.data).toString("utf8");
}

t.test("a record for syslog has facility and severity, time, tag and pid", async (t) => {
  const path = join(t.testdir(), "log");
  const text = receive(path, () => sendRecord({ kind: "syslog", tag: "web" }, record, path));
  t.equal(text, `<11>Nov  4 02:03:04 web[${process.pid}]: level=error msg="it failed"`);
});

t.test("a record for the journal has fields", async (t) => {
  const path = join(t.testdir(), "socket");
  const warning = { ...record, level: "warning" } as const;
  const text = receive(path, () => sendRecord({ kind: "journald", tag: "web" }, warning, path));
  t.equal(text, 'PRIORITY=4\nSYSLOG_IDENTIFIER=web\nID=web\nMESSAGE=level=error msg="it failed"');
});

t.test("a daemon that is not there is an error that names its socket", async (t) => {
  const path = join(t.testdir(), "none");
  t.throws(() => checkDaemon({ kind: "syslog", tag: "web" }, path), {
    code: "USAGE",
    message: `cannot log to syslog at ${path}: no such file or directory`,
  });
});

t.test("--log is a file by its name, or names its kind", async (t) => {
  t.equal(readLogPlace(""), undefined);
  t.same(readLogPlace("/var/log/x"), { kind: "file", path: "/var/log/x" });
  t.same(readLogPlace("file:/var/log/x"), { kind: "file", path: "/var/log/x" });
  t.same(readLogPlace("other:x"), { kind: "file", path: "other:x" });
  t.same(readLogPlace("syslog:web"), { kind: "syslog", tag: "web" });
  t.same(readLogPlace("journald:web"), { kind: "journald", tag: "web" });
  for (const text of ["file:", "syslog:", "journald:"]) {
    t.throws(() => readLogPlace(text), { code: "USAGE", message: text });
  }
});
