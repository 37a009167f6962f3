import { mkdirSync, mkdtempSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare, type State } from "./support/container.ts";
import { kind, run, scratch } from "./support/runtime.ts";

const skip = kind === "crun" ? "crun has its own columns" : false;
const emptyRoot = () => mkdtempSync(join(scratch, "list-"));

t.test("an empty root: the header alone, null, nothing", { skip }, async (t) => {
  const root = emptyRoot();
  const header = /^ID {10}PID {9}STATUS {6}BUNDLE {6}CREATED {5}OWNER\n$/;
  t.match(run(["--root", root, "list"]), { status: 0, stderr: "", stdout: header });
  t.match(run(["--root", root, "list", "--format", "json"]), { status: 0, stdout: "null\n" });
  t.match(run(["--root", root, "list", "-q"]), { status: 0, stdout: "" });
});

t.test("list shows every container", { skip }, async (t) => {
  const one = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  const two = prepare(t);
  one.create();
  one.start();
  two.create();
  const table = one.call(["list"]);
  t.match(table, { status: 0, stderr: "" });
  const rows = table.stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));
  t.match(rows, [
    ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"],
    [one.id, String(one.state().pid), "running", one.bundle, /Z$/, "root"],
    [two.id, String(two.state().pid), "created", two.bundle, /Z$/, "root"],
  ]);
  const json = one.call(["list", "-f", "json"]);
  t.match(json.stdout, /^\[\{"ociVersion":".*\}\]\n$/);
  const list = JSON.parse(json.stdout) as State[];
  t.match(list, [
    { ...one.state(), owner: "root" },
    { ...two.state(), owner: "root" },
  ]);
  t.strictSame(Object.keys(list[0]!), Object.keys(one.state()));
  t.equal(one.call(["list", "--quiet"]).stdout, `${one.id}\n${two.id}\n`);
});

t.test("another format is refused", { skip }, async (t) => {
  const { status, stderr } = run(["--root", emptyRoot(), "list", "--format", "xml"]);
  t.equal(status, 1);
  t.match(stderr, "invalid format option");
});

t.test("an entry that is no container is named on stderr and skipped", { skip }, async (t) => {
  const c = prepare(t);
  c.create();
  mkdirSync(join(c.root, "odd"));
  t.teardown(() => rmdirSync(join(c.root, "odd")));
  const { status, stdout, stderr } = c.call(["list", "-q"]);
  t.equal(status, 0);
  t.match(stdout, c.id);
  t.match(stderr, /odd/);
});
