import t from "tap";
import { TsrunError } from "../../../src/errors.ts";
import { locateInResources, parseResources } from "../../../src/spec/resources-file.ts";

const parse = (text: string) => parseResources(text, "/tmp/resources.json");

t.test("resources are read with all digits, and nulls are not there", async (t) => {
  t.strictSame(parse('{ "memory": { "limit": 9007199254740993, "swap": null }, "pids": null }'), {
    memory: { limit: 9_007_199_254_740_993n },
  });
});

t.test(
  "names of fields are read in any case, those of the user's choice as they are",
  async (t) => {
    t.strictSame(
      parse(
        '{ "CPU": { "Cpus": "1" }, "BlockIO": { "throttlereadbpsdevice": [{ "MAJOR": 8, "Minor": 0, "rate": 5 }] }, "unified": { "Memory.high": "1" } }',
      ),
      {
        cpu: { cpus: "1" },
        blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 5 }] },
        unified: { "Memory.high": "1" },
      },
    );
  },
);

t.test("fields that the specification does not have pass", async (t) => {
  t.doesNotThrow(() => parse('{ "future": 1, "memory": { "future": true } }'));
});

t.test("what create would refuse is refused, with the place", async (t) => {
  const cases: [string, number, RegExp][] = [
    ['{\n"memory": { "limit": "64m" } }', 2, /linux.resources.memory.limit: must be/],
    ['{\n\n"cpu": { "shares": -1 } }', 3, /linux.resources.cpu.shares/],
    ['{ "devices": [{ "access": "r" }] }', 1, /devices\[0\].allow.*is required/],
    ['{ "unified": { "a/b": "" } }', 1, /must be a file name \(no slashes\)/],
    ['{ "pids": { "limit": 1.5 }, "rdma": [] }', 1, /\(and 1 more in resources.json\)/],
    ['{ "pids": ', 1, /is not valid JSON/],
  ];
  for (const [text, line, message] of cases) {
    t.throws(() => parse(text), { message, position: { file: "/tmp/resources.json", line } });
  }
  t.throws(() => parse("[]"), { code: "CONFIG_INVALID" });
});

t.test("an error of a later moment gets its place, too", async (t) => {
  const source = { text: '{\n "memory": { "swap": 5 } }', file: "standard input" };
  const error = new TsrunError("CGROUP", "no", { pointer: "/linux/resources/memory/swap" });
  t.match(locateInResources(error, source), {
    position: { file: "standard input", line: 2, column: Number },
  });
  const other = new TsrunError("CGROUP", "no", { pointer: "/mounts/0" });
  t.equal((locateInResources(other, source) as TsrunError).position, undefined);
});
