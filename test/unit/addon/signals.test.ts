import { closeSync } from "node:fs";

import t from "tap";

import { POLLIN, SIGCHLD, SIGTERM, SIGWINCH } from "../../../src/linux.ts";
import { addon, spawnSleeper } from "./support.ts";

// Not at the top: what runs the tests sets handlers of its own before the first.
let fd = -1;
const ready = () => addon.poll([{ fd, events: POLLIN }], 2000)[0];

t.test("nothing is pending at first", (t) => {
  fd = addon.signalfd([SIGTERM, SIGWINCH, SIGCHLD]);
  t.same(addon.readSignals(fd), []);
  t.end();
});

t.test("signals are read in the order they came", (t) => {
  addon.kill(process.pid, SIGTERM);
  t.equal(ready(), POLLIN);
  addon.kill(process.pid, SIGWINCH);
  addon.poll([], 20);
  t.same(addon.readSignals(fd), [SIGTERM, SIGWINCH]);
  t.same(addon.readSignals(fd), []);
  t.end();
});

t.test("the end of a child is read as SIGCHLD", (t) => {
  const { pid, pidfd } = spawnSleeper();
  addon.kill(pid, SIGTERM);
  t.equal(ready(), POLLIN);
  t.same(addon.readSignals(fd), [SIGCHLD]);
  t.match(addon.waitPidfd(pidfd, true), { code: SIGTERM });
  closeSync(pidfd);
  t.end();
});

t.test("many signals over many threads: none ends us, none is lost entirely", (t) => {
  for (let i = 0; i < 100; i++) addon.kill(process.pid, SIGTERM);
  t.equal(ready(), POLLIN);
  t.ok(addon.readSignals(fd).every((signal) => signal === SIGTERM));
  t.end();
});

t.test("SIGKILL cannot be read", (t) => {
  t.throws(() => addon.signalfd([9]), { code: "EINVAL", syscall: "sigaction" });
  t.end();
});
