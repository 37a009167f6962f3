import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare } from "./support/container.ts";
import { nothing, remainsOf } from "./support/remains.ts";
import { execute, onlyTsrun, run } from "./support/runtime.ts";
import { runtimeAs } from "./support/user.ts";

t.setTimeout(170_000);

const own = { skip: onlyTsrun("explain") };

type Step = { who: string; what: string; pointer?: string; line?: number; column?: number };

t.test("explain tells each step with its line, and does nothing", own, async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["touch", "/ran"]));
  const { status, stdout, stderr } = run(["explain", c.bundle]);
  t.match({ status, stderr }, { status: 0, stderr: "" });
  t.match(stdout, /^ *line +who +what\n/);
  t.match(stdout, /mount "proc" to rootfs at "\/proc"/);
  t.match(stdout, /pivot into the rootfs/);
  t.match(stdout, /execute touch/);
  t.notOk(existsSync(join(c.rootfs, "ran")));
  t.strictSame({ ...remainsOf(c), processes: [] }, nothing);
});

t.test("the lines are those of config.json", own, async (t) => {
  const c = prepare(t, (config) => (config.hostname = "a-name-to-find"));
  const steps = explained(c.bundle);
  const text = readFileSync(join(c.bundle, "config.json"), "utf8").split("\n");
  const step = steps.find(({ what }) => what.includes("a-name-to-find"));
  t.match(step, { who: "init", pointer: "/hostname" });
  t.match(text[step!.line! - 1], '"hostname": "a-name-to-find"');
});

t.test("steps are in the order in which they happen", own, async (t) => {
  const c = prepare(t);
  const order = [
    /create cgroup/,
    /start init/,
    /mount rootfs/,
    /pivot/,
    /state\.json/,
    /capabilities/,
    /execute/,
  ];
  const steps = explained(c.bundle).map(({ what }) => what);
  const places = order.map((pattern) => steps.findIndex((what) => pattern.test(what)));
  t.notOk(places.includes(-1), places.join(" "));
  t.ok(places.every((place, index) => index === 0 || place > places[index - 1]! - 1));
  t.strictSame(
    places.slice(0, 5),
    places.slice(0, 5).toSorted((a, b) => a - b),
  );
  t.equal(places.at(-1), steps.length - 1);
});

t.test("a configuration that adds something adds a step", own, async (t) => {
  const c = prepare(t);
  const before = explained(c.bundle).map(({ what }) => what);
  c.configure((config) => {
    config.mounts.push({ destination: "/data", type: "tmpfs", source: "tmpfs" });
    config.root.readonly = true;
  });
  const after = explained(c.bundle).map(({ what }) => what);
  const added = after.filter((what) => !before.includes(what));
  t.ok(added.some((what) => what.includes("/data")));
  t.ok(added.some((what) => what.includes("read-only")));
});

t.test("explain needs no rights", own, async (t) => {
  const c = prepare(t);
  execute("chmod", ["-R", "a+rX", c.bundle, join(c.bundle, "..")]);
  const [file, ...words] = runtimeAs({ uid: 65_534, gid: 65_534 }, ["explain", c.bundle]);
  const { status, stdout, stderr } = execute(file, words);
  t.match({ status, stderr }, { status: 0, stderr: "" });
  t.match(stdout, /execute sh/);
});

t.test("what cannot be made is told as create tells it", own, async (t) => {
  const c = prepare(t, (config) => (config.process.cwd = "relative"));
  const { status, stderr } = run(["explain", c.bundle]);
  t.equal(status, 1);
  t.match(stderr, "Cwd must be an absolute path");
  t.match(stderr, /config\.json:\d+:\d+/);
  t.match(run(["explain", "/nowhere"]), { status: 1, stderr: /\/nowhere.*no such file/ });
});

function explained(bundle: string): Step[] {
  return JSON.parse(run(["explain", "--json", bundle]).stdout) as Step[];
}
