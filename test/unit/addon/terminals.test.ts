import { closeSync, openSync, readSync, writeSync } from "node:fs";

import t from "tap";

import { O_NOCTTY, O_RDWR, POLLIN } from "../../../src/linux.ts";
import { addon } from "./support.ts";

t.test("what is no terminal says so", (t) => {
  const fd = openSync("/dev/null", "r+");
  t.equal(addon.isTerminal(fd), false);
  t.throws(() => addon.rawMode(fd), { code: "ENOTTY", syscall: "tcgetattr" });
  t.throws(() => addon.plainNewlines(fd), { code: "ENOTTY", syscall: "tcgetattr" });
  t.throws(() => addon.getWindowSize(fd), { code: "ENOTTY", syscall: "ioctl" });
  t.throws(() => addon.setWindowSize(fd, 1, 1), { code: "ENOTTY" });
  closeSync(fd);
  t.end();
});

t.test("the master of a pty is a terminal with a size", (t) => {
  const master = openSync("/dev/ptmx", O_RDWR | O_NOCTTY);
  t.equal(addon.isTerminal(master), true);
  addon.setWindowSize(master, 40, 120);
  t.same(addon.getWindowSize(master), { rows: 40, columns: 120 });
  closeSync(master);
  t.end();
});

t.test("raw mode ends the echo, and the old settings bring it back", (t) => {
  const master = openSync("/dev/ptmx", O_RDWR | O_NOCTTY);
  const echoed = () => {
    writeSync(master, "x\n");
    return addon.poll([{ fd: master, events: POLLIN }], 200)[0] === POLLIN;
  };
  const settings = addon.rawMode(master);
  t.equal(echoed(), false);
  addon.restoreTerminal(master, settings);
  t.equal(echoed(), true);
  t.throws(() => addon.restoreTerminal(master, settings.subarray(1)), { code: "EINVAL" });
  closeSync(master);
  t.end();
});

t.test("a terminal with plain newlines echoes them as they are", (t) => {
  const master = openSync("/dev/ptmx", O_RDWR | O_NOCTTY);
  const echo = () => {
    writeSync(master, "x\n");
    addon.poll([{ fd: master, events: POLLIN }], 2000);
    const bytes = Buffer.alloc(16);
    return bytes.toString("utf8", 0, readSync(master, bytes));
  };
  t.equal(echo(), "x\r\n");
  addon.plainNewlines(master);
  t.equal(echo(), "x\n");
  closeSync(master);
  t.end();
});
