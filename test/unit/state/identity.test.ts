import t from "tap";

import { isAlive, parseProcessStat, readProcessStat } from "../../../src/state/identity.ts";

const fields = "S 1 42 42 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 10 184467";

t.test("state and start time are fields 3 and 22", (t) => {
  t.same(parseProcessStat(`42 (sh) ${fields}`), { letter: "S", startTime: 987654 });
  t.end();
});

t.test("a command name may look like the end of itself", (t) => {
  t.same(parseProcessStat(`42 (a) R 1 (b)) ${fields}`), { letter: "S", startTime: 987654 });
  t.end();
});

t.test("an empty read is no stat", (t) => {
  t.equal(parseProcessStat(""), undefined);
  t.end();
});

t.test("a process is alive only under its own start time", (t) => {
  const { startTime } = readProcessStat(process.pid)!;
  t.ok(isAlive({ pid: process.pid, startTime }));
  t.notOk(isAlive({ pid: process.pid, startTime: startTime + 1 }));
  t.notOk(isAlive(null));
  t.end();
});
