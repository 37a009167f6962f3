import t from "tap";
import {
  parsePointer,
  placeAt,
  positionOf,
  toField,
  toPointer,
} from "../../../src/spec/positions.ts";

const text = `{
  "a": [1, {"b/c": "x", "~": 2}],
\t"1": {"d": null},
  "é𝒳": 3, "z": 4
}`;

t.test("a pointer leads to where its value begins", async (t) => {
  for (const [pointer, line, column] of [
    ["", 1, 1],
    ["/a", 2, 8],
    ["/a/0", 2, 9],
    ["/a/1", 2, 12],
    ["/a/1/b~1c", 2, 20],
    ["/a/1/~0", 2, 30],
    ["/1/d", 3, 13],
    ["/z", 4, 18],
  ] as const) {
    t.strictSame(positionOf(text, pointer), { line, column }, pointer);
  }
});

t.test("what is not there is looked for where it would be", async (t) => {
  t.strictSame(positionOf(text, "/a/1/missing/x"), { line: 2, column: 12 });
  t.strictSame(positionOf(text, "/missing"), { line: 1, column: 1 });
});

t.test("there is no place in no text, and one in broken text", async (t) => {
  t.equal(positionOf("", "/a"), undefined);
  t.strictSame(positionOf('{"a": {"b": 1', "/a/b"), { line: 1, column: 13 });
});

t.test("offsets are lines and columns", async (t) => {
  t.strictSame(placeAt("ab\n\nc", 0), { line: 1, column: 1 });
  t.strictSame(placeAt("ab\n\nc", 2), { line: 1, column: 3 }, "the end of a line");
  t.strictSame(placeAt("ab\n\nc", 3), { line: 2, column: 1 });
  t.strictSame(placeAt("ab\n\nc", 4), { line: 3, column: 1 });
});

t.test("pointers and paths are the same thing", async (t) => {
  for (const path of [[], ["a", 0], ["a/b", "~x", 12, ""]]) {
    t.strictSame(parsePointer(toPointer(path)), path);
  }
  t.equal(toField("/mounts/3/source"), "mounts[3].source");
  t.equal(toField("/linux/sysctl/net.core.somaxconn"), 'linux.sysctl["net.core.somaxconn"]');
  t.equal(toField(""), "");
});
