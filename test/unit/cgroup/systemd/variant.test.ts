import t from "tap";
import { parseVariant } from "../../../../src/cgroup/systemd/variant.ts";

const cases: Readonly<Record<string, readonly [string, unknown]>> = {
  true: ["b", true],
  " false ": ["b", false],
  "5": ["i", 5],
  "-5": ["i", -5],
  "0x10": ["i", 16],
  "1.5": ["d", 1.5],
  "1e3": ["d", 1000],
  "double 2": ["d", 2],
  "byte 255": ["y", 255],
  "uint32 4294967295": ["u", 4294967295],
  "uint64 18446744073709551615": ["t", 18446744073709551615n],
  "int64 -9223372036854775808": ["x", -(1n << 63n)],
  "@t 7": ["t", 7n],
  "'text'": ["s", "text"],
  '"it\'s"': ["s", "it's"],
  "'a\\'b\\n\\u00e9'": ["s", "a'b\né"],
  "['a', \"b\"]": ["as", ["a", "b"]],
  "[uint64 1, 2]": ["at", [1n, 2n]],
  "@as []": ["as", []],
  "@at [1, 2]": ["at", [1n, 2n]],
  "('a', uint32 1)": ["(su)", ["a", 1]],
  "[('/dev/null', 'rw')]": ["a(ss)", [["/dev/null", "rw"]]],
  "objectpath '/a'": ["o", "/a"],
};

t.test("values in GVariant's text format", async (t) => {
  for (const [text, expected] of Object.entries(cases)) {
    t.strictSame(parseVariant(text), expected, text);
  }
});

t.test("what is malformed is an error with its place", async (t) => {
  const wrong = [
    "",
    "'",
    "nonsense",
    "1 2",
    "byte 256",
    "uint64 -1",
    "[1, 'a']",
    "[]",
    "[1",
    "@s 5",
  ];
  for (const text of [...wrong, "uint32 true", "@as 'a'", "uint64 1.5"]) {
    t.throws(() => parseVariant(text), { code: "CONFIG_INVALID", message: /no GVariant/ }, text);
  }
});
