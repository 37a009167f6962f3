import { join } from "node:path";
import t from "tap";
import { describeShortage, readOutOfMemory } from "../../../src/cgroup/oom.ts";

const kills = "low 0\nhigh 0\nmax 12\noom 2\noom_kill 3\noom_group_kill 0\n";

t.test("where nothing was killed there is nothing to explain", async (t) => {
  const path = t.testdir({ "memory.events": kills.replace("oom_kill 3", "oom_kill 0") });
  t.equal(readOutOfMemory(path), undefined);
  t.equal(readOutOfMemory(join(path, "none")), undefined);
});

t.test("the limit and the peak are told", async (t) => {
  const path = t.testdir({
    "memory.events": kills,
    "memory.max": "262144\n",
    "memory.peak": "262100\n",
  });
  const oom = readOutOfMemory(path)!;
  t.match(oom, { limited: { path, bytes: 262144 }, peak: 262100 });
  t.equal(describeShortage(oom, path), "memory.max is 262144 bytes, at most 262100 were used");
});

t.test("a limit of a cgroup above is told with its place", async (t) => {
  const parent = t.testdir({
    "memory.max": "4096\n",
    child: { "memory.events": kills, "memory.max": "8192\n", "memory.peak": "4096\n" },
  });
  const path = join(parent, "child");
  t.equal(
    describeShortage(readOutOfMemory(path)!, path),
    `memory.max of ${parent} is 4096 bytes, at most 4096 were used`,
  );
});

t.test("without any limit it is the host's memory, and old kernels tell no peak", async (t) => {
  const path = t.testdir({ "memory.events": kills, "memory.max": "max\n" });
  t.equal(
    describeShortage(readOutOfMemory(path)!, path),
    "the host is out of memory; no cgroup has a limit",
  );
});
