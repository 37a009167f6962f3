import t from "tap";
import { readInteger, readSize } from "../../../src/cli/sizes.ts";

t.test("sizes have 1024-based units, in any case and spelling", async (t) => {
  const cases: [string, number | bigint][] = [
    ["0", 0],
    ["33554432", 33_554_432],
    ["50M", 50 << 20],
    ["50m", 50 << 20],
    ["50mb", 50 << 20],
    ["50MiB", 50 << 20],
    ["50 MB", 50 << 20],
    ["1.5g", 1.5 * 2 ** 30],
    [".5k", 512],
    ["512b", 512],
    ["2t", 2 ** 41],
    ["8191p", 8191n * 2n ** 50n],
    ["9007199254740993", 9_007_199_254_740_993n],
    ["-1", -1],
  ];
  for (const [text, bytes] of cases) t.equal(readSize("memory", text), bytes, text);
});

t.test("a size that is none is refused as Go's units do it", async (t) => {
  const cases: [string, string][] = [
    ["abc", "invalid size: 'abc'"],
    ["-5m", "invalid size: '-5m'"],
    ["5x", "invalid suffix: 'x'"],
    ["5mbb", "invalid suffix: 'mbb'"],
    ["5ib", "invalid suffix: 'ib'"],
    ["8192p", "invalid size: '8192p'"],
  ];
  for (const [text, reason] of cases) {
    t.throws(() => readSize("memory-swap", text), {
      code: "USAGE",
      message: `invalid value for memory-swap: ${reason}`,
    });
  }
});

t.test("whole numbers of 64 bits, signed or not", async (t) => {
  t.equal(readInteger("cpu-quota", "-1", "signed"), -1);
  t.equal(readInteger("cpu-quota", "+5", "signed"), 5);
  t.equal(readInteger("cpu-share", "18446744073709551615", "unsigned"), 2n ** 64n - 1n);
  const refused: [string, "signed" | "unsigned", string][] = [
    ["-1", "unsigned", 'strconv.ParseUint: parsing "-1": invalid syntax'],
    ["1k", "signed", 'strconv.ParseInt: parsing "1k": invalid syntax'],
    [
      "18446744073709551616",
      "unsigned",
      'strconv.ParseUint: parsing "18446744073709551616": value out of range',
    ],
    [
      "9223372036854775808",
      "signed",
      'strconv.ParseInt: parsing "9223372036854775808": value out of range',
    ],
  ];
  for (const [text, kind, reason] of refused) {
    t.throws(() => readInteger("cpu-x", text, kind), {
      message: `invalid value for cpu-x: ${reason}`,
    });
  }
});

t.test("a flag that was not given, or is empty, has no value", async (t) => {
  for (const text of [undefined, ""]) {
    t.equal(readSize("memory", text), undefined);
    t.equal(readInteger("cpu-quota", text, "signed"), undefined);
  }
});
