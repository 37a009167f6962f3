import t from "tap";
import {
  cpuMaxOf,
  ioWeightOf,
  limitText,
  pidsMaxOf,
  swapMaxOf,
  weightOfShares,
} from "../../../src/cgroup/conversion.ts";
import type { Int } from "../../../src/spec/types.ts";

t.test("cpu.shares become cpu.weight through minimum, default and maximum", async (t) => {
  const table: [Int, number][] = [
    [1, 1],
    [2, 1],
    [3, 2],
    [512, 59],
    [1024, 100],
    [2048, 174],
    [262143, 10000],
    [262144, 10000],
    [262145n, 10000],
    [2n ** 63n, 10000],
  ];
  for (const [shares, weight] of table) t.equal(weightOfShares(shares), weight, `${shares} shares`);
  let last = 0;
  for (let shares = 1; shares < 300_000; shares += 997) {
    const weight = weightOfShares(shares);
    if (weight < last || weight < 1 || weight > 10_000) t.fail(`${shares} shares: ${weight}`);
    last = weight;
  }
});

t.test("blkio weight becomes io.weight", async (t) => {
  for (const [weight, io] of [
    [10, 1],
    [100, 910],
    [500, 4950],
    [1000, 10000],
  ] as const) {
    t.equal(ioWeightOf(weight), io, `weight ${weight}`);
  }
});

t.test("-1 is max, all else is itself, without loss", async (t) => {
  t.equal(limitText(-1), "max");
  t.equal(limitText(-1n), "max");
  t.equal(limitText(9223372036854775807n), "9223372036854775807");
});

t.test("swap of v1 counts memory too", async (t) => {
  const table: [swap: Int | undefined, limit: Int | undefined, expected: string | undefined][] = [
    [undefined, undefined, undefined],
    [0, 0, undefined],
    [0, 1000, undefined],
    [-1, undefined, "max"],
    [-1, 1000, "max"],
    [-1, -1, "max"],
    [undefined, -1, "max"],
    [300, -1, "300"],
    [300, 100, "200"],
    [100, 100, "0"],
    [9223372036854775807n, 1, "9223372036854775806"],
  ];
  for (const [swap, limit, expected] of table) {
    t.equal(swapMaxOf(swap, limit), expected, `swap ${swap}, limit ${limit}`);
  }
  const pointer = "/linux/resources/memory/swap";
  t.throws(() => swapMaxOf(300, undefined), {
    message: "unable to set swap limit without memory limit",
    pointer,
  });
  t.throws(() => swapMaxOf(100, 300), {
    message: "memory+swap limit should be >= memory limit",
    pointer,
  });
});

t.test("quota and period become cpu.max", async (t) => {
  const table: [quota: Int | undefined, period: Int | undefined, expected: string | undefined][] = [
    [undefined, undefined, undefined],
    [0, 0, undefined],
    [5000, undefined, "5000 100000"],
    [5000, 20000, "5000 20000"],
    [undefined, 20000, "max 20000"],
    [-1, 20000, "max 20000"],
    [-1, undefined, "max 100000"],
    [9007199254740993n, 1000000, "9007199254740993 1000000"],
  ];
  for (const [quota, period, expected] of table) {
    t.equal(cpuMaxOf(quota, period), expected, `quota ${quota}, period ${period}`);
  }
});

t.test("pids: 0 is a real limit, negative is none", async (t) => {
  t.equal(pidsMaxOf(5), "5");
  t.equal(pidsMaxOf(0), "1");
  t.equal(pidsMaxOf(-1), "max");
});
