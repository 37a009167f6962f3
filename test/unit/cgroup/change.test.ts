import t from "tap";
import { mergeResources, planUpdate } from "../../../src/cgroup/change.ts";
import type { Resources } from "../../../src/spec/types.ts";

const M = 1 << 20;

/** The writes as lines, for a container with these resources and files. */
function writesOf(
  change: Resources,
  saved: Resources = {},
  files: Readonly<Record<string, string>> = {},
): string[] {
  const { writes } = planUpdate(change, { saved, read: (file) => files[file] });
  return writes.map(({ file, value }) => `${file}=${value}`);
}

t.test("what is not named, and what is named with 0 or nothing, is not written", async (t) => {
  t.strictSame(writesOf({}), []);
  t.strictSame(writesOf({ memory: {}, cpu: {}, pids: {}, blockIO: {} }), []);
  const zeros: Resources = {
    memory: { limit: 0, reservation: 0, swap: 0 },
    cpu: { shares: 0, quota: 0, period: 0, cpus: "", mems: "" },
    blockIO: { weight: 0 },
  };
  t.strictSame(writesOf(zeros, { memory: { limit: M }, cpu: { quota: 1000 } }), []);
});

t.test("-1 lifts a limit", async (t) => {
  t.strictSame(writesOf({ memory: { limit: -1 } }), ["memory.swap.max=max", "memory.max=max"]);
  t.strictSame(writesOf({ memory: { reservation: -1 }, pids: { limit: -1 } }), [
    "pids.max=max",
    "memory.low=max",
  ]);
  t.strictSame(writesOf({ cpu: { quota: -1 } }, {}, { "cpu.max": "500 90000\n" }), [
    "cpu.max=max 90000",
  ]);
});

t.test("quota and period: the one that is not named keeps its value", async (t) => {
  const files = { "cpu.max": "500000 1000000\n" };
  t.strictSame(writesOf({ cpu: { period: 900_000 } }, {}, files), ["cpu.max=500000 900000"]);
  t.strictSame(writesOf({ cpu: { quota: 600_000 } }, {}, files), ["cpu.max=600000 1000000"]);
  t.strictSame(writesOf({ cpu: { quota: 1, period: 2 } }, {}, files), ["cpu.max=1 2"]);
  const none = { "cpu.max": "max 100000\n" };
  t.strictSame(writesOf({ cpu: { period: 10_000 } }, {}, none), ["cpu.max=max 10000"]);
  t.strictSame(writesOf({ cpu: { quota: 30_000 } }, {}, none), ["cpu.max=30000 100000"]);
});

t.test("a burst that shrinks goes before the quota, one that grows after it", async (t) => {
  const files = { "cpu.max": "50000 100000\n", "cpu.max.burst": "20000\n" };
  t.strictSame(writesOf({ cpu: { quota: 15_000, burst: 10_000 } }, {}, files), [
    "cpu.max.burst=10000",
    "cpu.max=15000 100000",
  ]);
  t.strictSame(writesOf({ cpu: { quota: 90_000, burst: 80_000 } }, {}, files), [
    "cpu.max=90000 100000",
    "cpu.max.burst=80000",
  ]);
  t.strictSame(writesOf({ cpu: { burst: 0 } }, {}, files), ["cpu.max.burst=0"]);
});

t.test("swap counts memory and swap together, and follows the memory limit", async (t) => {
  const saved = { memory: { limit: 50 * M, swap: 80 * M } };
  t.strictSame(writesOf({ memory: { swap: 60 * M } }, saved), [`memory.swap.max=${10 * M}`]);
  t.strictSame(
    writesOf({ memory: { limit: 70 * M } }, saved),
    [`memory.swap.max=${10 * M}`, `memory.max=${70 * M}`],
    "together they stay what they were",
  );
  t.strictSame(writesOf({ memory: { limit: 30 * M, swap: 50 * M } }, saved), [
    `memory.swap.max=${20 * M}`,
    `memory.max=${30 * M}`,
  ]);
  t.strictSame(writesOf({ memory: { limit: 60 * M } }, { memory: { limit: 50 * M } }), [
    `memory.max=${60 * M}`,
  ]);
  t.strictSame(writesOf({ memory: { swap: -1 } }, saved), ["memory.swap.max=max"]);
  t.strictSame(
    writesOf({ memory: { swap: 3 * M } }, {}, { "memory.max": `${M}\n` }),
    [`memory.swap.max=${2 * M}`],
    "a limit that is not from us counts, too",
  );
  t.throws(() => writesOf({ memory: { limit: 90 * M } }, saved), {
    message: "memory+swap limit should be >= memory limit",
  });
  t.throws(() => writesOf({ memory: { swap: M } }, {}, { "memory.max": "max\n" }), {
    message: "unable to set swap limit without memory limit",
  });
});

t.test("with checkBeforeUpdate a limit below the usage is refused", async (t) => {
  const files = { "memory.current": "5000\n" };
  const check = (memory: Resources["memory"]) => () =>
    writesOf({ memory: { ...memory, checkBeforeUpdate: true } }, {}, files);
  t.throws(check({ limit: 1024 }), { message: "rejecting memory limit 1024 <= usage 5000" });
  t.throws(check({ limit: 1024, swap: 2048 }), {
    message: "rejecting memory+swap limit 2048 <= usage 5000",
  });
  t.doesNotThrow(check({ limit: 5001 }));
  t.doesNotThrow(check({ limit: -1 }));
  t.doesNotThrow(() => writesOf({ memory: { limit: 1024 } }, {}, files), "without it, it is tried");
});

t.test("the resources of a container take in what was changed", async (t) => {
  const saved: Resources = {
    devices: [{ allow: false, access: "rwm" }],
    memory: { limit: 50, swap: 80, reservation: 10 },
    cpu: { shares: 100, quota: 5, period: 10, idle: 1 },
    pids: { limit: 20 },
    blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] },
    unified: { "memory.high": "1" },
  };
  t.strictSame(mergeResources(saved, { cpu: { quota: 0, idle: 0 }, memory: { limit: 60 } }), {
    ...saved,
    memory: { limit: 60, swap: 80, reservation: 10 },
    cpu: { shares: 100, quota: 5, period: 10, idle: 0 },
  });
  t.match(mergeResources(saved, { memory: { limit: -1 } }).memory, { limit: -1, swap: 0 });
  const change: Resources = {
    blockIO: {
      throttleReadBpsDevice: [
        { major: 8, minor: 0, rate: 2 },
        { major: 8, minor: 16, rate: 3 },
      ],
    },
    pids: { limit: -1 },
    hugepageLimits: [{ pageSize: "2MB", limit: 5 }],
    unified: { "cpu.max": "max" },
  };
  t.match(mergeResources(saved, change), {
    ...change,
    unified: { "memory.high": "1", "cpu.max": "max" },
  });
});

t.test("device rules are replaced only by others", async (t) => {
  const saved: Resources = { devices: [{ allow: false, access: "rwm" }] };
  const changes = (devices: Resources["devices"]): boolean =>
    planUpdate({ devices }, { saved, read: () => undefined }).devicesChange;
  t.equal(changes(undefined), false);
  t.equal(changes([{ allow: false, access: "rwm" }]), false);
  t.equal(changes([{ allow: true, access: "rwm" }]), true);
  t.equal(changes([]), true);
});
