import t from "tap";
import { InexactNumber, isDeeper, parseJson } from "../../../src/spec/json.ts";

t.test("numbers up to 2^53 are numbers, larger ones bigints with all their digits", async (t) => {
  for (const [text, value] of [
    ["0", 0],
    ["-1", -1],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    ["-9007199254740991", Number.MIN_SAFE_INTEGER],
    ["9007199254740993", 9007199254740993n],
    ["18446744073709551615", 18446744073709551615n],
    ["-9223372036854775808", -9223372036854775808n],
  ] as const) {
    t.equal(parseJson(text.padStart(text.length + 1)), value, text);
    t.strictSame(parseJson(`{"a": [${text},\n${text}]}`), { a: [value, value] }, text);
    t.strictSame(parseJson(`[1,${text}]`), [1, value], text);
  }
});

t.test("what is not written as a whole number is kept as it is written", async (t) => {
  for (const source of ["1.5", "1e3", "-1.0", "1E400", "0.0"]) {
    const { a } = parseJson(`{"a":${source}}`) as { a: InexactNumber };
    t.type(a, InexactNumber);
    t.equal(a.source, source);
  }
  t.equal(JSON.stringify(parseJson('{"a": 1.5}')), '{"a":1.5}');
});

t.test("digits in strings are strings", async (t) => {
  const value = {
    id: "1234567890123456789",
    version: "1.0.2-dev",
    list: ["1e3", " 12345678901234567890"],
  };
  t.strictSame(parseJson(JSON.stringify(value)), value);
});

t.test("depth counts what is nested, not what is beside or in strings", async (t) => {
  t.ok(isDeeper("[[[]]]", 2));
  t.notOk(isDeeper("[[[]]]", 3));
  t.notOk(isDeeper("[[],[],[],{}]", 2));
  t.notOk(isDeeper('["[[[[", "\\"[["]', 2));
});
