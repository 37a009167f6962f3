import t from "tap";

import { keyed, listFrom, pressure, statsFrom } from "../../../src/cgroup/stats.ts";

const files: Record<string, string> = {
  "cpu.stat":
    "usage_usec 320000\nuser_usec 310000\nsystem_usec 10000\nnr_periods 7\nnr_throttled 2\nthrottled_usec 5\n",
  "memory.current": "2088960\n",
  "memory.max": "max\n",
  "memory.peak": "2519040\n",
  "memory.swap.current": "4096\n",
  "memory.swap.max": "8192\n",
  "memory.stat": "anon 49152\nfile 1728512\npgfault 18446744073709551614\n",
  "pids.current": "3\n",
  "pids.max": "20\n",
  "io.stat": "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=9 dios=9\n",
  "cpuset.cpus.effective": "0-1,4\n",
  "hugetlb.2MB.current": "1\n",
  "hugetlb.2MB.rsvd.current": "2097152\n",
  "hugetlb.2MB.events": "max 3\n",
  "cpu.pressure":
    "some avg10=0.50 avg60=0.10 avg300=0.00 total=77\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
};
const stats = statsFrom((name) => files[name] ?? null, Object.keys(files));

t.test("cpu times are nanoseconds", async (t) => {
  t.same(stats.cpu.usage, { total: 320_000_000, kernel: 10_000_000, user: 310_000_000 });
  t.same(stats.cpu.throttling, { periods: 7, throttledPeriods: 2, throttledTime: 5000 });
});

t.test("an unlimited memory limit is the largest 64-bit value, exact", async (t) => {
  t.equal(stats.memory.usage.limit, 18446744073709551615n);
  t.equal(stats.memory.raw?.["pgfault"], 18446744073709551614n);
});

t.test("swap counts memory and swap together", async (t) => {
  t.equal(stats.memory.swap.usage, 2088960 + 4096);
  t.equal(stats.memory.swap.limit, 18446744073709551615n, "a sum with unlimited is unlimited");
  const limited = statsFrom(
    (name) => ({ ...files, "memory.max": "100\n" })[name] ?? null,
    Object.keys(files),
  );
  t.equal(limited.memory.swap.limit, 100 + 8192);
});

t.test("io.stat gives reads and writes, nothing else", async (t) => {
  t.same(stats.blkio.ioServiceBytesRecursive, [
    { major: 8, op: "Read", value: 4096 },
    { major: 8, op: "Write" },
  ]);
  t.same(stats.blkio.ioServicedRecursive, [
    { major: 8, op: "Read", value: 1 },
    { major: 8, op: "Write" },
  ]);
});

t.test("hugetlb prefers the reserved figure and counts failures", async (t) => {
  t.same(stats.hugetlb, { "2MB": { usage: 2097152, failcnt: 3 } });
});

t.test("pressure is there only where the kernel has it", async (t) => {
  t.same(stats.cpu.psi?.some, { avg10: 0.5, avg60: 0.1, avg300: 0, total: 77 });
  t.notOk("psi" in stats.memory);
  t.equal(pressure(null), undefined);
});

t.test("lists and keys", async (t) => {
  t.same(stats.cpuset.cpus, [0, 1, 4]);
  t.equal(listFrom("\n"), undefined);
  t.same(keyed("a 1\nb 2\n"), { a: 1, b: 2 });
});

t.test("without the pids controller processes are counted", async (t) => {
  const counted = statsFrom((name) => (name === "cgroup.procs" ? "5\n7\n" : null), []);
  t.same(counted.pids, { current: 2 });
});

t.test("an empty cgroup has the scalars that readers expect", async (t) => {
  const empty = statsFrom(() => null, []);
  t.same(empty.pids, {});
  t.same(empty.memory.kernel, { limit: 0, failcnt: 0 });
  t.equal(empty.network_interfaces, null);
});
