import t from "tap";
import { TsrunError } from "../../../src/errors.ts";
import { checkConfig } from "../../../src/spec/check.ts";
import type { Issue } from "../../../src/spec/issue.ts";
import { loadText } from "../../../src/spec/load.ts";
import { explainRefusal } from "../../../src/spec/refusal.ts";
import { capabilitySets } from "../../../src/spec/tables.ts";
import { listFields, listSections } from "../../conformance/fields.ts";
import { type Config, write } from "./configs.ts";
import { full } from "./full.ts";
import { outside, outsideNames } from "./outside.ts";

const file = "/bundle/config.json";
/** Stands where the value will be, so that its line and column are known without the code that is tested. */
const mark = "@@here@@";

type Written = { text: string; pointer: string; line: number; column: number };

/** The full configuration with one value in place of that of a field: its text, and where the value is in it. */
function writeWith(field: string, value: unknown, edit?: (config: Config) => void): Written {
  const config = structuredClone(full) as Config;
  edit?.(config);
  const path = pathOf(field, config);
  let parent = config;
  for (const part of path.slice(0, -1)) parent = parent[part];
  parent[path.at(-1)!] = mark;
  return { ...place(write(config), value), pointer: toPointer(path) };
}

function place(marked: string, value: unknown): Omit<Written, "pointer"> {
  const quoted = JSON.stringify(mark);
  const before = marked.slice(0, marked.indexOf(quoted)).split("\n");
  return {
    text: marked.replace(quoted, () => write(value)),
    line: before.length,
    column: before.at(-1)!.length + 1,
  };
}

/** The path of a field in the configuration: the last element of a list, and whatever name a map has. */
function pathOf(field: string, config: Config): string[] {
  const path: string[] = [];
  let value = config;
  for (const part of field.replaceAll("[]", ".[]").split(".")) {
    const all = part === "[]" || part === "*" ? Object.keys(value) : [part];
    const key = all.at(-1) ?? "0";
    path.push(key);
    value = value?.[key];
  }
  return path;
}

const toPointer = (path: readonly string[]): string =>
  path.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** What is wrong with how a wrong value is told of; nothing when it is told of as it should be. */
function faults({ text, pointer, line, column }: Written): string[] {
  const issues = checkConfig(text, file);
  const issue = issues.find((found) => found.pointer === pointer && found.severity === "error");
  if (issue === undefined) return [`no error, but ${describe(issues)}`];
  return [
    ...(issue.line === line && issue.column === column
      ? []
      : [`it is at ${line}:${column} and not at ${issue.line}:${issue.column}`]),
    ...(issue.expected === undefined && issue.hint === undefined
      ? ["it does not say what is allowed"]
      : []),
    ...(issue.section?.startsWith("config") ? [] : ["it names no section"]),
    ...disagreement(text, issues),
  ];
}

/** `create` refuses exactly what the report calls an error that it does not tolerate, and says as much. */
function disagreement(text: string, issues: readonly Issue[]): string[] {
  const first = issues.find(({ severity, tolerated }) => severity === "error" && !tolerated);
  const error = refusalOf(text);
  if (first === undefined) return error === undefined ? [] : [`create refuses: ${error.message}`];
  if (error === undefined) return [`create takes what is an error at ${first.pointer}`];
  const { code, message, pointer, position } = error;
  const place = position ?? { line: first.line, column: first.column };
  const right =
    code === "CONFIG_INVALID" &&
    (pointer === first.pointer || message.includes(`${first.pointer}: `)) &&
    place.line === first.line &&
    place.column === first.column &&
    message.includes(first.expected ?? "");
  return right ? [] : [`create says of ${first.pointer}: ${message}`];
}

function refusalOf(text: string): TsrunError | undefined {
  try {
    loadText({ file, text });
  } catch (error) {
    const refusal = explainRefusal(error);
    if (refusal instanceof TsrunError) return refusal;
    throw error;
  }
  return undefined;
}

const describe = (issues: readonly Issue[]): string =>
  issues
    .filter(({ severity }) => severity === "error")
    .map(({ pointer, message }) => `${pointer}: ${message}`)
    .join("; ") || "nothing";

const wrongTypes = [true, 7, "text", [], {}];
/** The lists that are empty in the full configuration are of strings. */
const kindOf = (value: unknown): string => {
  if (value === undefined) return "string";
  if (Array.isArray(value)) return "array";
  return typeof value === "bigint" ? "number" : typeof value;
};

t.test("a configuration with every field has no error, and create takes it", async (t) => {
  const text = write(full);
  t.strictSame(
    checkConfig(text, file).filter(({ severity }) => severity === "error"),
    [],
  );
  t.equal(refusalOf(text), undefined);
});

t.test("the table has every field of the schema, and no other", async (t) => {
  const known = [...listFields(), ...listSections()];
  for (const field of listFields()) t.ok(Object.hasOwn(outside, field), field);
  for (const field of Object.keys(outside)) t.ok(known.includes(field), field);
});

t.test("a value of another type, in any field: an error that names place and type", async (t) => {
  let tried = 0;
  for (const [turn, field] of [...listSections(), ...listFields()].entries()) {
    const config = structuredClone(full) as Config;
    const own = kindOf(pathOf(field, config).reduce((value, part) => value[part], config));
    const wrong = wrongTypes.filter((value) => kindOf(value) !== own);
    // Two of them, by turns: a few hundred configurations are enough.
    for (const value of [wrong[turn % wrong.length]!, wrong[(turn + 2) % wrong.length]!]) {
      tried += 1;
      t.strictSame(faults(writeWith(field, value)), [], `${field} is not ${write(value)}`);
    }
  }
  t.ok(tried > 400, `${tried} values`);
});

for (const [field, cases] of Object.entries(outside)) {
  t.test(`${field}: what is outside is an error that says what is allowed`, async (t) => {
    for (const { values, edit } of [cases].flat()) {
      t.ok(values.length > 0);
      for (const value of values) {
        t.strictSame(faults(writeWith(field, value, edit)), [], write(value));
      }
    }
  });
}

t.test("names of the user's choice that are none are errors at their place", async (t) => {
  for (const [field, names] of Object.entries(outsideNames)) {
    for (const name of names) {
      const config = structuredClone(full) as Config;
      const path = field.split(".");
      const map = path.reduce((value, part) => value[part], config);
      const [sample] = Object.values(map);
      map[name] = mark;
      const written = { ...place(write(config), sample), pointer: toPointer([...path, name]) };
      t.strictSame(faults(written), [], `${field}: ${JSON.stringify(name)}`);
    }
  }
});

t.test("what is required and missing is an error at what it is missing from", async (t) => {
  for (const field of required) {
    const config = structuredClone(full) as Config;
    const path = pathOf(field, config);
    const parent = path.slice(0, -1).reduce((value, part) => value[part], config);
    delete parent[path.at(-1)!];
    const text = write(config);
    const issues = checkConfig(text, file);
    const issue = issues.find(({ pointer }) => pointer === toPointer(path));
    t.match(issue, { severity: "error", line: Number, column: Number, expected: String }, field);
    t.strictSame(disagreement(text, issues), [], field);
  }
});

t.test(
  "what the specification has warned of, and what is without effect, is a warning",
  async (t) => {
    const warnings: [field: string, value: unknown, rule: string][] = [
      ...capabilitySets.map((set): [string, unknown, string] => [
        `process.capabilities.${set}[]`,
        "CAP_FLY",
        "capability-unknown",
      ]),
      ["process.capabilities.ambient[]", "CAP_KILL", "capability-ambient"],
      ["process.user.username", "someone", "windows-only"],
      ["process.commandLine", "sh", "windows-only"],
      ["process.terminal", false, "console-size-without-terminal"],
      ["hooks.prestart", [{ path: "/bin/true" }], "hook-prestart-deprecated"],
      ["mounts[].destination", "a", "mount-destination-absolute"],
      ["linux.mountLabel", null, "null-value"],
      ["linux.personality.flags[]", "ADDR_NO_RANDOMIZE", "personality-flags"],
      ["linux.resources.memory.kernel", 1, "memory-kernel-deprecated"],
      ["linux.resources.memory.kernelTCP", 1, "memory-kernel-deprecated"],
      ["linux.resources.memory.swappiness", 1, "cgroup-v1-only"],
      ["linux.resources.cpu.realtimePeriod", 1, "cgroup-v1-only"],
      ["linux.resources.network.classID", 1, "cgroup-v1-only"],
      ["linux.seccomp.syscalls[].args[].op", "SCMP_CMP_EQ", "seccomp-arg-value-two"],
      ["hostname", null, "null-value"],
      ["process", null, "process-required"],
    ];
    for (const [field, value, rule] of warnings) {
      const config = (c: Config): void => {
        c.linux.seccomp.syscalls[0].args[0].valueTwo = 1;
        c.process.capabilities.permitted = c.process.capabilities.inheritable = [];
      };
      const { text } = writeWith(field, value, config);
      const issues = checkConfig(text, file);
      const found = issues.find((issue) => issue.rule === rule);
      t.match(found, { severity: "warning", line: Number, column: Number }, `${field}: ${rule}`);
      t.strictSame(
        issues.filter(({ severity }) => severity === "error"),
        [],
        field,
      );
      t.strictSame(disagreement(text, issues), [], field);
    }
  },
);

/** What the specification calls REQUIRED, on Linux. */
const required = [
  "ociVersion",
  "root",
  "root.path",
  "mounts[].destination",
  "process.args",
  "process.cwd",
  "process.consoleSize.height",
  "process.consoleSize.width",
  "process.rlimits[].type",
  "process.rlimits[].soft",
  "process.rlimits[].hard",
  "process.scheduler.policy",
  "process.ioPriority.class",
  "process.ioPriority.priority",
  "hooks.prestart[].path",
  "hooks.createRuntime[].path",
  "hooks.createContainer[].path",
  "hooks.startContainer[].path",
  "hooks.poststart[].path",
  "hooks.poststop[].path",
  "linux.namespaces[].type",
  "linux.uidMappings[].containerID",
  "linux.uidMappings[].hostID",
  "linux.uidMappings[].size",
  "linux.gidMappings[].size",
  "mounts[].uidMappings[].size",
  "linux.devices[].type",
  "linux.devices[].path",
  "linux.devices[].major",
  "linux.devices[].minor",
  "linux.resources.devices[].allow",
  "linux.resources.blockIO.weightDevice[].major",
  "linux.resources.blockIO.weightDevice[].minor",
  "linux.resources.blockIO.throttleReadBpsDevice[].rate",
  "linux.resources.hugepageLimits[].pageSize",
  "linux.resources.hugepageLimits[].limit",
  "linux.resources.network.priorities[].name",
  "linux.resources.network.priorities[].priority",
  "linux.memoryPolicy.mode",
  "linux.personality.domain",
  "linux.seccomp.defaultAction",
  "linux.seccomp.syscalls[].names",
  "linux.seccomp.syscalls[].action",
  "linux.seccomp.syscalls[].args[].index",
  "linux.seccomp.syscalls[].args[].value",
  "linux.seccomp.syscalls[].args[].op",
];
