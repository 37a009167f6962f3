import { join } from "node:path";
import t, { type Test } from "tap";
import { TsrunError } from "../../../src/errors.ts";
import { loadSpec } from "../../../src/spec/load.ts";
import { explainRefusal } from "../../../src/spec/refusal.ts";
import { type Config, config, raw, write } from "./configs.ts";

function load(t: Test, edit: (config: Config) => void) {
  return loadSpec(t.testdir({ "config.json": write(config(edit)) }));
}

function refusal(t: Test, edit: (config: Config) => void): TsrunError {
  return refusalOf(t, write(config(edit)));
}

function refusalOf(t: Test, text: string): TsrunError {
  const bundle = t.testdir({ "config.json": text });
  try {
    loadSpec(bundle);
  } catch (error) {
    const explained = explainRefusal(error);
    if (explained instanceof TsrunError) return explained;
    throw explained;
  }
  throw new Error("it was not refused");
}

t.test("the spec, the file and its text", async (t) => {
  const text = write(config());
  const bundle = t.testdir({ "config.json": text });
  const loaded = loadSpec(bundle);
  t.strictSame(loaded, { spec: config(), file: join(bundle, "config.json"), text, warnings: [] });
});

t.test("integers of 64 bits keep their digits", async (t) => {
  const { spec } = load(t, (c) => {
    c.process.rlimits = [{ type: "RLIMIT_CORE", soft: 2n ** 64n - 1n, hard: 2n ** 64n - 1n }];
    c.linux.resources = { memory: { limit: 2n ** 53n + 1n, swap: -1 } };
  });
  t.equal(spec.process?.rlimits?.[0]?.hard, 18446744073709551615n);
  t.strictSame(spec.linux?.resources?.memory, { limit: 9007199254740993n, swap: -1 });
});

t.test("one problem: the error is about it", async (t) => {
  const error = refusal(t, (c) => (c.process.cwd = "tmp"));
  t.equal(error.code, "CONFIG_INVALID");
  t.match(error.message, /^process\.cwd: Cwd must be an absolute path \(expected .*, got "tmp"\)$/);
  t.equal(error.pointer, "/process/cwd");
  t.match(error.position, { line: 4, column: 12 });
  t.match(error.position?.file, /\/config\.json$/);
});

t.test("several problems: all of them in one message, each with its place", async (t) => {
  const { message, pointer } = refusal(t, (c) => {
    c.process.cwd = "tmp";
    c.process.user = { uid: -1, gid: raw("1e3") };
    c.hostname = "box\0";
    c.linux.namespaces[0].type = "pdi";
  });
  const [first, ...lines] = message.split("\n");
  t.equal(first, "process.cwd: Cwd must be an absolute path (and 4 more problems in config.json)");
  t.match(lines, [
    /^config\.json:4:12: \/process\/cwd: Cwd must be an absolute path/,
    /^config\.json:\d+:14: \/process\/user\/uid: must be an unsigned 32-bit integer, .* \(got -1\)$/,
    /^config\.json:\d+:14: \/process\/user\/gid: must be .* \(got 1e3\); write 1000$/,
    /^config\.json:\d+:17: \/linux\/namespaces\/0\/type: unknown value "pdi" .*; did you mean "pid"\?$/,
    /^config\.json:\d+:15: \/hostname: contains a NUL byte/,
  ]);
  t.equal(lines.length, 5);
  t.equal(pointer, undefined);
});

t.test("very many problems are counted", async (t) => {
  const { message } = refusal(t, (c) => (c.process.args = Array(1000).fill(1)));
  t.equal(message.split("\n").length, 22);
  t.match(message, /\nand 980 more$/);
});

t.test("what the specification forbids but runc runs is let through", async (t) => {
  for (const [name, edit] of [
    ["no ociVersion", (c: Config) => delete c.ociVersion],
    ["an odd ociVersion", (c: Config) => (c.ociVersion = "latest")],
    ["no linux section", (c: Config) => delete c.linux],
    [
      "a hook without time",
      (c: Config) => (c.hooks = { poststop: [{ path: "/bin/true", timeout: 0 }] }),
    ],
    ["unknown fields", (c: Config) => (c.proces = [{}])],
    ["unknown capabilities", (c: Config) => (c.process.capabilities = { bounding: ["CAP_FLY"] })],
  ] as const) {
    t.strictSame(load(t, edit).warnings, [], name);
  }
});

t.test("a relative mount destination is warned of, as runc does", async (t) => {
  const { warnings } = load(t, (c) => c.mounts.push({ destination: "tmp", type: "tmpfs" }));
  t.match(warnings, [
    { rule: "mount-destination-absolute", message: "mount destination tmp is not absolute" },
  ]);
  t.ok(warnings[0]?.line);
});

t.test("null is nothing", async (t) => {
  const { spec } = load(t, (c) => {
    c.hostname = null;
    c.process.rlimits = null;
    c.linux.resources = { memory: null, devices: null };
    c.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", flags: null, syscalls: null };
  });
  t.notOk("hostname" in spec);
  t.strictSame(spec.linux?.resources, {});
  t.strictSame(spec.linux?.seccomp, { defaultAction: "SCMP_ACT_ALLOW" });
  t.notOk("rlimits" in spec.process!);
});

t.test("a seccomp section that says nothing is none", async (t) => {
  for (const seccomp of [{}, { defaultAction: "" }, { defaultAction: "", syscalls: [] }]) {
    t.equal(load(t, (c) => (c.linux.seccomp = seccomp)).spec.linux?.seccomp, undefined);
  }
  t.match(
    refusal(t, (c) => (c.linux.seccomp = { syscalls: [{ names: ["a"], action: "SCMP_ACT_LOG" }] })),
    {
      pointer: "/linux/seccomp/defaultAction",
    },
  );
});

t.test("a configuration that is no object", async (t) => {
  for (const text of ["null", "[]", "true", "5"]) {
    t.match(refusalOf(t, text), { code: "CONFIG_INVALID", message: "must be an object" }, text);
  }
});

t.test("names that JavaScript knows are names like others", async (t) => {
  const text = write(config((c) => (c.annotations = { constructor: "a", toString: "b" })));
  const bundle = t.testdir({
    "config.json": text.replace('"constructor"', '"__proto__": "x",\n"constructor"'),
  });
  t.equal(loadSpec(bundle).spec.annotations?.["toString"], "b");
  t.throws(() => load(t, (c) => (c.linux.namespaces[0].type = "constructor")), {
    code: "CONFIG_INVALID",
  });
  t.throws(() => load(t, (c) => (c.linux.seccomp = { defaultAction: "toString" })), {
    code: "CONFIG_INVALID",
  });
});
