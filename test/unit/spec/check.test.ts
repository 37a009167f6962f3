import t from "tap";
import { checkConfig } from "../../../src/spec/check.ts";
import { countIssues, type Issue, issuesToJson } from "../../../src/spec/issue.ts";
import { nearest } from "../../../src/spec/nearest.ts";
import { type Config, config, write } from "./configs.ts";

const check = (edit: (config: Config) => void): Issue[] =>
  checkConfig(write(config(edit)), "config.json");

t.test("unknown fields are warned of, with the name that was meant", async (t) => {
  for (const [edit, pointer, hint] of [
    [(c: Config) => (c.proces = {}), "/proces", 'did you mean "process"?'],
    [(c: Config) => (c.root.readOnly = true), "/root/readOnly", 'did you mean "readonly"?'],
    [
      (c: Config) => (c.process.no_new_privileges = 1),
      "/process/no_new_privileges",
      'did you mean "noNewPrivileges"?',
    ],
    [(c: Config) => (c.linux.namespace = []), "/linux/namespace", 'did you mean "namespaces"?'],
    [
      (c: Config) => (c.linux.namespaces[1].pth = ""),
      "/linux/namespaces/1/pth",
      'did you mean "path"?',
    ],
    [(c: Config) => (c.seccomp = {}), "/seccomp", "did you mean linux.seccomp?"],
    [
      (c: Config) => (c.linux.capabilities = {}),
      "/linux/capabilities",
      "did you mean process.capabilities?",
    ],
    [(c: Config) => (c.process.workdir = "/"), "/process/workdir", 'it is called "cwd"'],
    [(c: Config) => (c.process.mounts = []), "/process/mounts", "did you mean mounts?"],
    [(c: Config) => (c.version = "1.0"), "/version", 'it is called "ociVersion"'],
    [
      (c: Config) => (c.linux.resources = { rdma: { a: { hcaHandle: 1, hcaObjects: 1 } } }),
      "/linux/resources/rdma/a/hcaHandle",
      'did you mean "hcaHandles"?',
    ],
    [
      (c: Config) =>
        (c.linux.seccomp = {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ name: "read", names: ["read"], action: "SCMP_ACT_ALLOW" }],
        }),
      "/linux/seccomp/syscalls/0/name",
      'it is called "names"',
    ],
    [(c: Config) => (c.somethingElse = 1), "/somethingElse", undefined],
  ] as const) {
    const issues = check(edit);
    t.equal(issues.length, 1, pointer);
    t.match(issues[0], { rule: "unknown-key", severity: "warning", pointer }, pointer);
    t.equal(issues[0]?.hint, hint, pointer);
  }
});

t.test("names that belong to others are free", async (t) => {
  const issues = check((c) => {
    c["com.example.thing"] = { a: 1 };
    c["x-thing"] = 1;
    c.linux["example.com/x"] = 1;
    c.annotations = { anything: "at all" };
    c.linux.sysctl = { "net.proces": "1" };
    c.linux.resources = { unified: { "memory.hihg": "1" } };
  });
  t.strictSame(issues, []);
});

t.test("fields that are null, and fields that are given twice", async (t) => {
  t.match(
    check((c) => ((c.hostname = null), (c.linux.resources = null))),
    [
      { rule: "null-value", pointer: "/linux/resources", severity: "warning" },
      { rule: "null-value", pointer: "/hostname", severity: "warning" },
    ],
  );
  const text = write(config()).replace('"cwd": "/"', '"cwd": "/a",\n    "cwd": "/"');
  const [issue, ...more] = checkConfig(text, "config.json");
  t.match(issue, { rule: "duplicate-key", pointer: "/process/cwd", severity: "warning" });
  const line = text.split("\n").findLastIndex((content) => content.includes('"cwd"')) + 1;
  t.match(issue, { line, column: 5, message: `the first one, on line ${line - 1}, is ignored` });
  t.strictSame(more, []);
});

t.test("all problems at once, from the top of the file to its end", async (t) => {
  const issues = check((c) => {
    c.ociVersion = "x";
    c.process = { cwd: "tmp", args: [1], rlimits: "none", oomScoreAdj: 5000 };
    c.linux.namespaces.push({ type: "pid" }, { type: "nte" });
    c.nonsense = 1;
  });
  t.strictSame(
    issues.map(({ rule }) => rule),
    [
      "oci-version",
      "cwd-absolute",
      "type",
      "type",
      "oom-score-range",
      "namespace-duplicate",
      "unknown-value",
      "unknown-key",
    ],
  );
  const lines = issues.map(({ line }) => line!);
  t.strictSame(
    lines,
    lines.toSorted((a, b) => a - b),
  );
  t.equal(countIssues(issues), "7 errors, 1 warning");
});

t.test("a part of a wrong type is not found fault with a second time", async (t) => {
  t.match(
    check((c) => (c.process.cwd = 5)),
    [{ rule: "type", pointer: "/process/cwd" }],
  );
  t.equal(check((c) => (c.process.cwd = 5)).length, 1);
  t.equal(check((c) => (c.process = "sh")).length, 1);
  t.equal(check((c) => (c.root = [])).length, 1);
});

t.test("a text that is no object is one issue", async (t) => {
  for (const text of ["null", "[]", "1", '"x"']) {
    t.match(checkConfig(text, "config.json")[0], { severity: "error", pointer: "" }, text);
  }
});

t.test("for programs there are counts and all that is known", async (t) => {
  const issues = check((c) => ((c.process.cwd = "tmp"), (c.proces = 1)));
  t.match(JSON.parse(issuesToJson(issues, "config.json")), {
    file: "config.json",
    valid: false,
    errors: 1,
    warnings: 1,
    issues: [
      {
        severity: "error",
        rule: "cwd-absolute",
        pointer: "/process/cwd",
        expected: "an absolute path in the container",
        got: '"tmp"',
        section: "config.md#process",
      },
      { severity: "warning", rule: "unknown-key" },
    ],
  });
  t.match(JSON.parse(issuesToJson([], "config.json")), { valid: true, issues: [] });
});

t.test("the nearest name is near", async (t) => {
  const known = ["path", "readonly", "namespaces", "CAP_SYS_ADMIN", "CAP_SYS_NICE"];
  t.equal(nearest("readOnly", known), "readonly");
  t.equal(nearest("read-only", known), "readonly");
  t.equal(nearest("Namespace", known), "namespaces");
  t.equal(nearest("naemspaces", known), "namespaces");
  t.equal(nearest("CAP_SYS_ADMN", known), "CAP_SYS_ADMIN");
  t.equal(nearest("pat", known), "path");
  t.equal(nearest("entirely", known), undefined);
  t.equal(nearest("x".repeat(10_000), known), undefined);
});
