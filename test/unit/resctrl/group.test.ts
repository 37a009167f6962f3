// Against a directory that stands for resctrl. Its schemata are a fifo, which tells what each write was.
import { spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import t, { type Test } from "tap";

import {
  enterGroups,
  fillSchemata,
  makeGroups,
  removeGroups,
  writeSchemata,
} from "../../../src/resctrl/group.ts";
import { planGroups } from "../../../src/resctrl/plan.ts";

const schemata = "    L3:0=7ff;1=7ff\n    MB:0=30;1=100\n";

function tree(test: Test): string {
  return test.testdir({
    info: { L3: {}, MB: { bandwidth_gran: "10\n" }, last_cmd_status: "ok\n" },
    gold: { schemata, tasks: "", mon_groups: {} },
    mon_groups: {},
  });
}

/** Runs `work` and returns what it wrote to a file, each write as one text. */
function written(path: string, work: () => void): string[] {
  spawnSync("mkfifo", [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    work();
    const bytes = Buffer.alloc(4096);
    return bytes.toString("latin1", 0, readSync(fd, bytes)).split(/(?<=\n)(?=[A-Z0-9]+:)/);
  } finally {
    closeSync(fd);
  }
}

t.test("a class and its monitoring group are made, unless they are there", async (t) => {
  const root = tree(t);
  const plan = planGroups({}, { root, id: "c1" });
  t.match(makeGroups(plan), { made: true });
  t.ok(existsSync(`${root}/c1`));
  t.match(makeGroups(plan), { made: false }, "another was faster");
  t.match(makeGroups(planGroups({ closID: "gold", enableMonitoring: true }, { root, id: "c2" })), {
    made: false,
    monitor: `${root}/gold/mon_groups/c2`,
  });
  t.ok(existsSync(`${root}/gold/mon_groups/c2`));
});

t.test("what is written, in its order, and by one write each", async (t) => {
  const root = tree(t);
  const intelRdt = { l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=20", schemata: ["L2:0=f"] };
  const plan = planGroups(intelRdt, { root, id: "c1" });
  makeGroups(plan);
  const writes = written(`${root}/c1/schemata`, () => fillSchemata(plan));
  t.strictSame(writes, ["L3:0=f\n", "MB:0=20\n", "L2:0=f\n"]);
});

t.test("without a schema none is written", async (t) => {
  const root = tree(t);
  fillSchemata(planGroups({ closID: "gold" }, { root, id: "c1" }));
  t.equal(readFileSync(`${root}/gold/schemata`, "utf8"), schemata);
});

t.test("a class that is there must have the values of config.json", async (t) => {
  const root = tree(t);
  const plan = (intelRdt: object) =>
    planGroups({ closID: "gold", ...intelRdt }, { root, id: "c1" });
  const refused = (intelRdt: object, field: string) =>
    t.throws(() => fillSchemata(plan(intelRdt)), {
      message: /gold\/schemata has other values than/,
      pointer: `/linux/intelRdt/${field}`,
    });
  refused({ l3CacheSchema: "L3:0=7f" }, "l3CacheSchema");
  refused({ l3CacheSchema: "L3:2=7ff" }, "l3CacheSchema");
  refused({ memBwSchema: "MB:0=50" }, "memBwSchema");
  refused({ l3CacheSchema: "L3:0=7ff", memBwSchema: "MB:0=40" }, "memBwSchema");
  t.equal(readFileSync(`${root}/gold/schemata`, "utf8"), schemata, "nothing was written");
  for (const same of [
    { l3CacheSchema: "L3:0=7ff" },
    { l3CacheSchema: "L3:1=007FF;0=7ff" },
    { memBwSchema: "MB:0=30" },
    { memBwSchema: "MB:0=25;1=100" }, // the hardware knows steps of ten
  ]) {
    t.doesNotThrow(() => fillSchemata(plan(same)), JSON.stringify(same));
    writeFileSync(`${root}/gold/schemata`, schemata);
  }
});

t.test("what the kernel says of a write is in the error", async (t) => {
  const root = tree(t);
  writeFileSync(`${root}/info/last_cmd_status`, "Mask out of range\n");
  const write = { text: "L3:0=fffff\n", pointer: "/linux/intelRdt/l3CacheSchema" };
  t.throws(() => writeSchemata({ root, path: `${root}/none`, made: false }, write), {
    message: /unable to write "L3:0=fffff\\n" to .*, last_cmd_status: Mask out of range$/,
    pointer: "/linux/intelRdt/l3CacheSchema",
    errno: "ENOENT",
  });
});

t.test("a process enters the class and the monitoring group", async (t) => {
  const root = tree(t);
  const plan = planGroups({ closID: "gold", enableMonitoring: true }, { root, id: "c1" });
  const group = makeGroups(plan);
  writeFileSync(`${group.monitor}/tasks`, "");
  enterGroups(group, 4711);
  t.equal(readFileSync(`${root}/gold/tasks`, "utf8"), "4711");
  t.equal(readFileSync(`${root}/gold/mon_groups/c1/tasks`, "utf8"), "4711");
});

t.test("a class without a tasks file is none", async (t) => {
  const root = tree(t);
  t.throws(() => enterGroups({ root, path: `${root}/info`, made: false }, 4711), {
    message: `intelrdt: unable to add pid 4711 to ${root}/info: no such file or directory`,
  });
});

t.test("what was made is removed, and nothing else", async (t) => {
  const root = tree(t);
  const own = makeGroups(planGroups({}, { root, id: "c1" }));
  removeGroups(own);
  t.notOk(existsSync(own.path));
  t.doesNotThrow(() => removeGroups(own), "again");
  const shared = planGroups({ closID: "gold", enableMonitoring: true }, { root, id: "c1" });
  removeGroups(makeGroups(shared));
  t.notOk(existsSync(`${root}/gold/mon_groups/c1`));
  t.ok(existsSync(`${root}/gold`));
  mkdirSync(join(root, "c2"));
  removeGroups(makeGroups(planGroups({}, { root, id: "c2" })));
  t.ok(existsSync(`${root}/c2`), "it was there before the container");
});
