import { closeSync } from "node:fs";

import t from "tap";

import { RLIMIT_NOFILE } from "../../../src/linux.ts";
import { addon, runShell, spawnSleeper } from "./support.ts";

t.test("waiting without hanging tells that a child has not ended", (t) => {
  const { pid, pidfd } = spawnSleeper();
  t.equal(addon.waitPidfd(pidfd, true), null);
  addon.kill(pid, 15);
  t.match(addon.waitPidfd(pidfd, false), { pid, code: 15, signaled: true });
  t.throws(() => addon.waitPidfd(pidfd, false), { code: "ECHILD", syscall: "waitid" });
  closeSync(pidfd);
  t.end();
});

t.test("a pidfd of a process that has ended cannot be signalled", (t) => {
  const { pid, pidfd } = spawnSleeper();
  const other = addon.pidfdOpen(pid);
  addon.pidfdSendSignal(other, 9);
  addon.waitPidfd(pidfd, false);
  t.throws(() => addon.pidfdSendSignal(other, 0), { code: "ESRCH", errno: -3 });
  t.throws(() => addon.pidfdOpen(pid), { code: "ESRCH", syscall: "pidfd_open" });
  t.throws(() => addon.kill(pid, 0), { code: "ESRCH", syscall: "kill" });
  closeSync(other);
  closeSync(pidfd);
  t.end();
});

t.test("a missing argument is an error, never signal 0 to process 0", (t) => {
  const kill = addon.kill as (...args: unknown[]) => void;
  t.throws(() => kill(), TypeError);
  t.throws(() => kill(process.pid), TypeError);
  t.throws(() => kill("1", 9), TypeError);
  t.end();
});

t.test("a subreaper reaps the children of its children", (t) => {
  addon.setChildSubreaper(true);
  const { output } = runShell("(exec >&- 2>&-; sleep 0.1; exit 5) & echo $!");
  let orphan = addon.reapAny();
  for (let tries = 0; orphan === null && tries < 100; tries++) {
    addon.poll([], 10);
    orphan = addon.reapAny();
  }
  addon.setChildSubreaper(false);
  t.same(orphan, { pid: Number(output), code: 5, signaled: false });
  t.equal(addon.reapAny(), null);
  t.end();
});

t.test("limits of another process can be set", (t) => {
  const { pid, pidfd } = spawnSleeper();
  addon.setRlimit(pid, RLIMIT_NOFILE, 50n, 60n);
  t.throws(() => addon.setRlimit(pid, RLIMIT_NOFILE, 70n, 60n), {
    code: "EINVAL",
    syscall: "prlimit",
  });
  t.throws(() => addon.setRlimit(pid, RLIMIT_NOFILE, -1n, 60n), RangeError);
  addon.pidfdSendSignal(pidfd, 9);
  addon.waitPidfd(pidfd, false);
  closeSync(pidfd);
  t.end();
});

t.test("our own limits can be read", (t) => {
  const [soft, hard] = addon.getRlimit(RLIMIT_NOFILE);
  t.ok(soft > 0n && soft <= hard);
  t.end();
});
