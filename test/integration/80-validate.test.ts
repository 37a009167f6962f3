import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Config } from "./support/bundle.ts";
import { prepare, type Container } from "./support/container.ts";
import { execute, onlyTsrun, run } from "./support/runtime.ts";
import { runtimeAs } from "./support/user.ts";

t.setTimeout(170_000);

const own = { skip: onlyTsrun("validate") };

type Finding = {
  severity: "error" | "warning";
  rule: string;
  pointer: string;
  message: string;
  line: number;
  column: number;
  tolerated?: boolean;
};
type Report = { file: string; valid: boolean; errors: number; warnings: number; issues: Finding[] };

t.test("a good bundle has no findings", own, async (t) => {
  const c = prepare(t);
  t.match(run(["validate", c.bundle]), { status: 0, stderr: "" });
  t.match(run(["validate", join(c.bundle, "config.json")]), { status: 0, stderr: "" });
  t.strictSame(report(c), {
    file: join(c.bundle, "config.json"),
    valid: true,
    errors: 0,
    warnings: 0,
    issues: [],
  });
});

t.test("what spec writes has no findings", own, async (t) => {
  const c = prepare(t);
  const file = join(c.bundle, "config.json");
  for (const flags of [[], ["--rootless"]]) {
    execute("rm", ["-f", file]);
    t.match(run(["spec", ...flags], { cwd: c.bundle }), { status: 0 });
    t.match(run(["validate", file]), { status: 0, stderr: "" });
    t.strictSame(report(c).issues, []);
  }
});

const wrong: [what: string, edit: (config: Config) => unknown, pointer: string][] = [
  ["args that are a string", (c) => assign(c.process, { args: "sh" }), "/process/args"],
  ["a cwd that is a number", (c) => assign(c.process, { cwd: 5 }), "/process/cwd"],
  ["a relative cwd", (c) => assign(c.process, { cwd: "tmp" }), "/process/cwd"],
  [
    "an unknown namespace",
    (c) => assign(c.linux.namespaces[1]!, { type: "nett" }),
    "/linux/namespaces/1/type",
  ],
  ["a mount without destination", (c) => c.mounts.push({} as never), "/mounts/6"],
  ["a uid below zero", (c) => assign(c.process.user!, { uid: -1 }), "/process/user/uid"],
  [
    "a limit beyond 64 bits",
    (c) => assign(c.linux, { resources: { pids: { limit: 2n ** 70n } } }),
    "/linux/resources/pids/limit",
  ],
  [
    "a hook with a relative path",
    (c) => assign(c, { hooks: { poststop: [{ path: "x" }] } }),
    "/hooks/poststop/0/path",
  ],
  [
    "two namespaces of a type",
    (c) => c.linux.namespaces.push({ type: "pid" }),
    "/linux/namespaces/5",
  ],
];

for (const [what, edit, pointer] of wrong) {
  t.test(`${what} is an error at its place`, own, async (t) => {
    const c = prepare(t, edit);
    const { status, stdout } = run(["validate", c.bundle]);
    t.equal(status, 1);
    const { valid, issues } = report(c);
    t.equal(valid, false);
    const found = issues.find((issue) => issue.pointer.startsWith(pointer));
    t.ok(found, `${pointer} among ${issues.map((issue) => issue.pointer).join(" ")}`);
    t.match(stdout, `config.json:${found!.line}:${found!.column}: error: `);
    expectPlace(t, c, found!);
  });
}

t.test("all findings are told at once, in the order of the file", own, async (t) => {
  const c = prepare(t, (config) => {
    assign(config.process, { args: "sh", cwd: 5 });
    assign(config, { hostname: 7 });
  });
  const { issues, errors } = report(c);
  t.ok(errors >= 3);
  const lines = issues.map(({ line }) => line);
  t.strictSame(
    lines,
    lines.toSorted((a, b) => a - b),
  );
});

t.test("an unknown key is a warning with the name that was meant", own, async (t) => {
  const c = prepare(t, (config) => assign(config.process, { capabilites: {} }));
  const { status, stdout } = run(["validate", c.bundle]);
  t.equal(status, 0, "which is no failure");
  t.match(stdout, /config\.json:\d+:\d+: warning: process\.capabilites/);
  t.match(stdout, 'did you mean "capabilities"?');
});

t.test("an unknown capability is a warning, as it is ignored", own, async (t) => {
  const c = prepare(t, (config) =>
    assign(config.process.capabilities!, { bounding: ["CAP_FROB"] }),
  );
  t.match(run(["validate", c.bundle]), { status: 0, stdout: /warning: .*"CAP_FROB"/ });
  t.match(report(c).issues, [{ severity: "warning", pointer: "/process/capabilities/bounding/0" }]);
});

t.test("text for people shows the line with a caret", own, async (t) => {
  const c = prepare(t, (config) => assign(config.process, { cwd: "tmp" }));
  t.match(run(["validate", c.bundle]).stdout, /\d+ \| .*"tmp".*\n +\| +\^\n/);
});

t.test("broken JSON is a finding with its place", own, async (t) => {
  const c = prepare(t);
  writeFileSync(
    join(c.bundle, "config.json"),
    '{\n  "ociVersion": "1.0.2",\n  "process": {,}\n}\n',
  );
  const { status, stdout } = run(["validate", c.bundle]);
  t.equal(status, 1);
  t.match(stdout, "config.json:3:15: error: ");
  t.match(report(c), { valid: false, errors: 1, issues: [{ line: 3, column: 15 }] });
});

t.test("what cannot be read is a failure, not a finding", own, async (t) => {
  const c = prepare(t);
  for (const path of ["/nowhere", join(c.bundle, "rootfs"), "/dev/null/x"]) {
    const { status, stdout, stderr } = run(["validate", path]);
    t.equal(status, 1, path);
    t.equal(stdout, "");
    t.not(stderr, "");
  }
});

t.test("validate needs no rights", own, async (t) => {
  const c = prepare(t, (config) => assign(config.process, { cwd: "tmp" }));
  execute("chmod", ["-R", "a+rX", c.bundle, join(c.bundle, "..")]);
  const [file, ...words] = runtimeAs({ uid: 65_534, gid: 65_534 }, ["validate", c.bundle]);
  const { status, stdout } = execute(file, words);
  t.equal(status, 1);
  t.match(stdout, "process.cwd");
});

t.test("create refuses what is an error and not tolerated, with the same place", own, async (t) => {
  for (const [what, edit] of wrong) {
    const c = prepare(t, edit);
    const refused = report(c).issues.find(
      ({ severity, tolerated }) => severity === "error" && !tolerated,
    );
    if (refused === undefined) continue;
    const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
    t.equal(status, 1, what);
    t.match(stderr, `${refused.line}:${refused.column}`, what);
  }
});

function assign(target: object, values: object): void {
  Object.assign(target, values);
}

function report(c: Container): Report {
  return JSON.parse(run(["validate", "--json", c.bundle]).stdout) as Report;
}

/** The place that was told holds the last part of the pointer or its value. */
function expectPlace(t: Test, c: Container, { line, column }: Finding): void {
  const text = readFileSync(join(c.bundle, "config.json"), "utf8").split("\n")[line - 1];
  t.match(text?.slice(column - 1), /^\S/, "it begins something");
}
