import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { freezeCgroup, thawCgroup } from "../../../src/cgroup/freezer.ts";

globalThis.tsrunNativeDirectory ??= join(import.meta.dirname, "../../../build/Release");

/** Files in place of a cgroup: nothing freezes here, and nothing tells of a change. */
function files(t: Test, events: string): string {
  return t.testdir({ "cgroup.events": events, "cgroup.freeze": "0", "cgroup.procs": "" });
}

const freezeOf = (path: string): string => readFileSync(join(path, "cgroup.freeze"), "utf8");

t.test("a cgroup that is frozen is left so", async (t) => {
  const path = files(t, "populated 1\nfrozen 1\n");
  freezeCgroup(path);
  t.equal(freezeOf(path), "1");
});

t.test("a cgroup that does not freeze in time is thawed, and it is an error", async (t) => {
  const path = files(t, "populated 1\nfrozen 0\n");
  t.throws(() => freezeCgroup(path, { patienceMs: 20 }), {
    code: "CGROUP",
    message: "timeout of 0.02s reached waiting for the cgroup to freeze",
  });
  t.equal(freezeOf(path), "0");
});

t.test("a cgroup that someone else thaws meanwhile is not waited for", async (t) => {
  const path = files(t, "populated 1\nfrozen 0\n");
  // What another command writes a moment later: the file shows it at the first look.
  const { Worker } = await import("node:worker_threads");
  const worker = new Worker(
    `const { writeFileSync } = require("node:fs");
     setInterval(() => writeFileSync(${JSON.stringify(join(path, "cgroup.freeze"))}, "0"), 10);`,
    { eval: true },
  );
  await new Promise((resolve) => worker.once("online", resolve));
  t.throws(() => freezeCgroup(path, { patienceMs: 60_000 }), { message: /was thawed while/ });
  await worker.terminate();
});

t.test("thawing what is not there is no error", async (t) => {
  const path = files(t, "");
  thawCgroup(path);
  t.equal(freezeOf(path), "0");
  thawCgroup(join(path, "gone"));
  writeFileSync(join(path, "cgroup.freeze"), "1");
  thawCgroup(path);
  t.equal(freezeOf(path), "0");
});
