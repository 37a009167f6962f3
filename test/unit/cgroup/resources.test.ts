import t from "tap";
import { convertResources } from "../../../src/cgroup/resources.ts";
import type { Resources } from "../../../src/spec/types.ts";

/** The writes as "file=value", with "?" for optional and "|" before what is written instead. */
function write(resources: Resources): string[] {
  return convertResources(resources).writes.map(
    ({ file, value, optional, otherwise }) =>
      `${file}=${value}${optional ? "?" : ""}${otherwise ? `|${otherwise.file}=${otherwise.value}` : ""}`,
  );
}

const cases: [what: string, resources: Resources, expected: string[]][] = [
  ["nothing asked, nothing written", {}, []],
  [
    "memory limit, swap and reservation",
    { memory: { limit: 100, swap: 300, reservation: 50 } },
    ["memory.swap.max=200", "memory.max=100", "memory.low=50"],
  ],
  [
    "a memory limit equal to swap turns swap off, where there is swap accounting",
    { memory: { limit: 100, swap: 100 } },
    ["memory.swap.max=0?", "memory.max=100"],
  ],
  ["unlimited memory", { memory: { limit: -1 } }, ["memory.swap.max=max?", "memory.max=max"]],
  [
    "zeros are not set",
    {
      memory: { limit: 0, swap: 0, reservation: 0 },
      cpu: { shares: 0, quota: 0, period: 0 },
      blockIO: { weight: 0 },
    },
    [],
  ],
  [
    "limits beyond 2^53",
    { memory: { limit: 9223372036854771712n } },
    ["memory.max=9223372036854771712"],
  ],
  [
    "cpu",
    { cpu: { shares: 1024, quota: 50000, period: 100000, burst: 1000, cpus: "0-1", mems: "0" } },
    [
      "cpu.weight=100",
      "cpu.max=50000 100000",
      "cpu.max.burst=1000",
      "cpuset.cpus=0-1",
      "cpuset.mems=0",
    ],
  ],
  [
    "idle comes after the weight, which an idle cgroup refuses",
    { cpu: { shares: 2, idle: 1 } },
    ["cpu.weight=1", "cpu.idle=1"],
  ],
  [
    "no longer idle comes before the weight",
    { cpu: { shares: 2, idle: 0 } },
    ["cpu.idle=0", "cpu.weight=1"],
  ],
  ["pids", { pids: { limit: 20 } }, ["pids.max=20"]],
  ["pids without limit", { pids: { limit: -1 } }, ["pids.max=max"]],
  [
    "io weights, by BFQ where it is",
    { blockIO: { weight: 100, weightDevice: [{ major: 8, minor: 16, weight: 1000 }] } },
    ["io.bfq.weight=100|io.weight=910", "io.bfq.weight=8:16 1000|io.weight=8:16 10000"],
  ],
  [
    "io throttles",
    {
      blockIO: {
        throttleReadBpsDevice: [
          { major: 8, minor: 0, rate: 100 },
          { major: 8, minor: 16, rate: 0 },
        ],
        throttleWriteBpsDevice: [{ major: 8, minor: 0, rate: 18446744073709551615n }],
        throttleReadIOPSDevice: [{ major: 8, minor: 0, rate: 3 }],
        throttleWriteIOPSDevice: [{ major: 8, minor: 0, rate: 4 }],
      },
    },
    [
      "io.max=8:0 rbps=100",
      "io.max=8:16 rbps=max",
      "io.max=8:0 wbps=18446744073709551615",
      "io.max=8:0 riops=3",
      "io.max=8:0 wiops=4",
    ],
  ],
  [
    "huge pages, and their reservations",
    { hugepageLimits: [{ pageSize: "2MB", limit: 4096n }] },
    ["hugetlb.2MB.max=4096", "hugetlb.2MB.rsvd.max=4096?"],
  ],
  [
    "rdma",
    { rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10 }, mlx5_2: { hcaObjects: 1 } } },
    ["rdma.max=mlx5_1 hca_handle=3 hca_object=10", "rdma.max=mlx5_2 hca_object=1"],
  ],
  [
    "unified is verbatim and last, a write for each line",
    {
      unified: {
        "memory.high": "1G",
        "io.max": "8:0 rbps=1\n8:16 rbps=2\n",
        "hugetlb.1GB.max": "0",
      },
      pids: { limit: 1 },
    },
    [
      "pids.max=1",
      "memory.high=1G",
      "io.max=8:0 rbps=1",
      "io.max=8:16 rbps=2",
      "hugetlb.1GB.max=0",
    ],
  ],
];

for (const [what, resources, expected] of cases) {
  t.test(what, async (t) => t.strictSame(write(resources), expected));
}

t.test("every write says where it comes from", async (t) => {
  const { writes } = convertResources({
    memory: { limit: 100, swap: 200 },
    cpu: { period: 1000 },
    blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] },
    rdma: { "a/b": { hcaHandles: 1 } },
    unified: { "memory.high": "1" },
  });
  t.strictSame(
    writes.map(({ origin }) => origin),
    [
      "/linux/resources/memory/swap",
      "/linux/resources/memory/limit",
      "/linux/resources/blockIO/throttleReadBpsDevice/0",
      "/linux/resources/cpu/period",
      "/linux/resources/rdma/a~1b",
      "/linux/resources/unified/memory.high",
    ],
  );
});

t.test("what v2 lacks is a warning", async (t) => {
  const { writes, warnings } = convertResources({
    memory: { kernel: 1, kernelTCP: 1, swappiness: 60, disableOOMKiller: true },
    cpu: { realtimeRuntime: 1, realtimePeriod: 1 },
    devices: [{ allow: false, access: "rwa" }],
    blockIO: { leafWeight: 10, weightDevice: [{ major: 1, minor: 1, leafWeight: 10 }] },
    network: { classID: 1, priorities: [{ name: "eth0", priority: 1 }] },
  });
  t.strictSame(writes, []);
  t.strictSame(
    warnings.map(({ origin }) => origin.slice("/linux/resources/".length)),
    [
      "devices/0/access",
      "memory/kernel",
      "memory/kernelTCP",
      "memory/swappiness",
      "memory/disableOOMKiller",
      "cpu/realtimeRuntime",
      "cpu/realtimePeriod",
      "blockIO/leafWeight",
      "blockIO/weightDevice/0/leafWeight",
      "network/classID",
      "network/priorities",
    ],
  );
});

t.test("what engines fill in without meaning it is no warning", async (t) => {
  const { warnings } = convertResources({
    memory: { disableOOMKiller: false, useHierarchy: true },
    cpu: { realtimeRuntime: 0, realtimePeriod: 0 },
    network: { priorities: [] },
  });
  t.strictSame(warnings, []);
});

t.test("names in unified that are no limits are refused", async (t) => {
  const refused: [string, RegExp][] = [
    ["../memory.max", /must be a file name \(no slashes\)/],
    ["memory", /must be in the form CONTROLLER\.PARAMETER/],
    ["..", /must be in the form CONTROLLER\.PARAMETER/],
    ["", /must be in the form CONTROLLER\.PARAMETER/],
    ["memory.max\0", /must be in the form CONTROLLER\.PARAMETER/],
    ["cgroup.procs", /moves processes/],
    ["cgroup.threads", /moves processes/],
  ];
  for (const [name, message] of refused) {
    t.throws(
      () => convertResources({ unified: { [name]: "1" } }),
      { code: "CONFIG_INVALID", message },
      name,
    );
  }
});

t.test("huge page sizes and rdma limits are checked", async (t) => {
  t.throws(() => convertResources({ hugepageLimits: [{ pageSize: "../x", limit: 1 }] }), {
    code: "CONFIG_INVALID",
    pointer: "/linux/resources/hugepageLimits/0/pageSize",
  });
  t.throws(() => convertResources({ rdma: { mlx: {} } }), {
    code: "CONFIG_INVALID",
    pointer: "/linux/resources/rdma/mlx",
  });
});
