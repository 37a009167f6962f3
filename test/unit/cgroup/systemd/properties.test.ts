import t from "tap";
import { listDeviceRules } from "../../../../src/cgroup/devices.ts";
import { convertResources } from "../../../../src/cgroup/resources.ts";
import { annotatedProperties } from "../../../../src/cgroup/systemd/annotations.ts";
import {
  bitsOfList,
  deviceProperties,
  propertiesOfWrites,
  writesBesideUnit,
} from "../../../../src/cgroup/systemd/properties.ts";
import type { Resources } from "../../../../src/spec/types.ts";

const infinity = (1n << 64n) - 1n;

function properties(resources: Resources, version = 257): Record<string, unknown> {
  const list = propertiesOfWrites(convertResources(resources).writes, version);
  return Object.fromEntries(list.map(([name, , value]) => [name, value]));
}

t.test("memory, processes and weights", async (t) => {
  t.strictSame(
    properties({
      memory: { limit: 100, reservation: 50, swap: 150 },
      pids: { limit: 5 },
      cpu: { shares: 1024 },
    }),
    { TasksMax: 5n, MemorySwapMax: 50n, MemoryMax: 100n, MemoryLow: 50n, CPUWeight: 100n },
  );
  t.strictSame(properties({ memory: { limit: -1 }, pids: { limit: -1 } }), {
    TasksMax: infinity,
    MemorySwapMax: infinity,
    MemoryMax: infinity,
  });
});

t.test("a quota is time by second, in steps of 10 ms", async (t) => {
  const quota = (quota: number, period: number) => properties({ cpu: { quota, period } });
  t.strictSame(quota(50_000, 200_000), {
    CPUQuotaPeriodUSec: 200_000n,
    CPUQuotaPerSecUSec: 250_000n,
  });
  t.match(quota(12_345, 100_000), { CPUQuotaPerSecUSec: 130_000n });
  t.match(quota(-1, 100_000), { CPUQuotaPerSecUSec: infinity });
});

t.test("the file has the quota that systemd has", async (t) => {
  const maximum = (value: string) =>
    writesBesideUnit([{ file: "cpu.max", value, origin: "" }], 257).writes[0]!.value;
  t.equal(maximum("500000 900000"), "504000 900000");
  t.equal(maximum("50000 100000"), "50000 100000");
  t.equal(maximum("1000"), "1000 100000");
  t.equal(maximum("max 100000"), "max 100000");
});

t.test("an idle cgroup has the weight 0", async (t) => {
  t.match(properties({ cpu: { shares: 1024, idle: 1 } }), { CPUWeight: 0n });
  t.match(properties({ cpu: { shares: 1024, idle: 1 } }, 251), { CPUWeight: 100n });
});

t.test("beside the weight of an idle unit no other is written", async (t) => {
  const { writes } = convertResources({ cpu: { shares: 1024, idle: 1 }, pids: { limit: 5 } });
  const beside = writesBesideUnit(writes, 257);
  t.strictSame(
    beside.writes.map(({ file }) => file),
    ["pids.max", "cpu.idle"],
  );
  t.match(beside.warnings, [{ origin: "/linux/resources/cpu/shares" }]);
  t.strictSame(writesBesideUnit(writes, 251).writes, writes, "an older systemd knows no idle");
});

t.test("unified values come last, as in the files", async (t) => {
  t.match(properties({ memory: { limit: 100 }, unified: { "memory.max": "200" } }), {
    MemoryMax: 200n,
  });
  t.strictSame(properties({ unified: { "memory.oom.group": "1" } }), {});
});

t.test("cpus and memory nodes are bit masks", async (t) => {
  t.strictSame(properties({ cpu: { cpus: "0-2,9", mems: "0" } }), {
    AllowedCPUs: [0b111, 0b10],
    AllowedMemoryNodes: [1],
  });
  t.strictSame(bitsOfList("8"), [0, 1]);
});

t.test("rates of block devices", async (t) => {
  t.strictSame(
    properties({
      blockIO: {
        throttleReadBpsDevice: [
          { major: 8, minor: 0, rate: 100 },
          { major: 8, minor: 16, rate: 0 },
        ],
        throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 7 }],
      },
    }),
    {
      IOReadBandwidthMax: [
        ["/dev/block/8:0", 100n],
        ["/dev/block/8:16", infinity],
      ],
      IOWriteIOPSMax: [["/dev/block/8:0", 7n]],
    },
  );
});

t.test("a systemd that does not know a property is not asked for it", async (t) => {
  const resources = { cpu: { quota: 50_000, period: 100_000, cpus: "0" } };
  t.strictSame(Object.keys(properties(resources, 241)), ["CPUQuotaPerSecUSec"]);
  t.strictSame(Object.keys(properties(resources, 243)), [
    "CPUQuotaPeriodUSec",
    "CPUQuotaPerSecUSec",
  ]);
});

t.test("devices are a strict list", async (t) => {
  const [policy, allow] = deviceProperties(
    listDeviceRules({
      resources: {
        devices: [
          { allow: true, type: "c", major: 1, minor: 11, access: "r" },
          { allow: false, access: "rwm" },
          { allow: true, type: "b", major: 8, access: "rw" },
        ],
      },
    }),
  );
  t.strictSame(policy, ["DevicePolicy", "s", "strict"]);
  const entries = allow![2] as [string, string][];
  t.match(entries[0], ["block-8", "rw"]);
  t.ok(entries.some(([path, access]) => path === "/dev/char/1:3" && access === "rwm"));
  t.ok(entries.some(([path, access]) => path === "char-*" && access === "m"));
  t.notOk(
    entries.some(([path]) => path === "/dev/char/1:11"),
    "a rule that a later one revokes",
  );
});

t.test("everything but exceptions is more than systemd can say", async (t) => {
  const rules = listDeviceRules({
    resources: {
      devices: [
        { allow: true, access: "rwm" },
        { allow: false, type: "c", major: 1, minor: 11, access: "rwm" },
      ],
    },
  });
  t.strictSame(deviceProperties(rules), [
    ["DevicePolicy", "s", "auto"],
    ["DeviceAllow", "a(ss)", []],
  ]);
});

t.test("annotations: seconds become microseconds", async (t) => {
  t.strictSame(
    annotatedProperties({
      "org.systemd.property.TimeoutStopSec": "7",
      "org.systemd.property.RuntimeMaxSec": "1.5",
      "org.systemd.property.TimeoutStopUSec": "uint64 3",
      "org.systemd.property.KillSignal": "15",
      "org.example": "x",
    }),
    [
      ["TimeoutStopUSec", "t", 7_000_000n],
      ["RuntimeMaxUSec", "t", 1_500_000n],
      ["TimeoutStopUSec", "t", 3n],
      ["KillSignal", "i", 15],
    ],
  );
});

t.test("annotations that are none of a property's are errors with their place", async (t) => {
  for (const [key, value] of [
    ["X1", "1"],
    ["Ab", "1"],
    ["Good", "'"],
    ["TimeoutStopSec", "'x'"],
    ["TimeoutStopSec", "-1"],
  ] as const) {
    t.throws(() => annotatedProperties({ [`org.systemd.property.${key}`]: value }), {
      code: "CONFIG_INVALID",
      pointer: `/annotations/org.systemd.property.${key}`,
    });
  }
});
