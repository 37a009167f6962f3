import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare, root, type Container } from "./support/container.ts";
import { nothing, remainsOf } from "./support/remains.ts";
import { kind, notWith, onlyTsrun } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.setTimeout(120_000);

const own = { skip: onlyTsrun("its state.json") };
const runcLike = { skip: notWith("crun", "its own layout") };

t.test("modes and owners, whatever the umask is", own, async (t) => {
  const before = process.umask(0);
  t.teardown(() => process.umask(before));
  for (const umask of [0, 0o077]) {
    process.umask(umask);
    const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
    t.match(c.create(), { status: 0 });
    const directory = join(c.root, c.id);
    const modes = Object.fromEntries(
      readdirSync(directory).map((name) => [name, statSync(join(directory, name)).mode & 0o777]),
    );
    t.strictSame(modes, {
      "config.json": 0o600,
      "exec.fifo": 0o622,
      "state.json": 0o600,
      verbs: 0o600,
    });
    t.equal(statSync(directory).mode & 0o777 & ~0o711, 0);
    t.equal(statSync(c.root).mode & 0o077, 0, "the root is closed to others");
    for (const name of ["", ...readdirSync(directory)]) {
      t.match(statSync(join(directory, name)), { uid: 0, gid: 0 }, name);
    }
    c.delete("--force");
    rmSync(c.root, { recursive: true });
  }
});

t.test("no temporary file is left beside the state", own, async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.create();
  t.strictSame(readdirSync(join(c.root, c.id)).sort(), [
    "config.json",
    "exec.fifo",
    "state.json",
    "verbs",
  ]);
  c.start();
  t.strictSame(readdirSync(join(c.root, c.id)).sort(), ["config.json", "state.json", "verbs"]);
});

t.test("the configuration is kept as it was given", own, async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.create();
  t.equal(
    readFileSync(join(c.root, c.id, "config.json"), "utf8"),
    readFileSync(join(c.bundle, "config.json"), "utf8"),
  );
});

const damages: [what: string, damage: (text: string) => string, message: RegExp][] = [
  ["truncated", (text) => text.slice(0, text.length / 2), /state\.json is damaged: it is not JSON/],
  ["empty", () => "", /state\.json is damaged: it is not JSON/],
  ["full of NUL bytes", (text) => "\0".repeat(text.length), /state\.json is damaged/],
  ["null", () => "null", /state\.json is damaged: it is no object/],
  ["another container's", (text) => edited(text, { id: "other" }), /does not describe container/],
];

for (const [what, damage, message] of damages) {
  t.test(
    `a state.json that is ${what} is told of, and delete --force removes it`,
    own,
    async (t) => {
      const c = prepare(t, (config) => (config.process.args = ["true"]));
      c.create();
      c.start();
      c.waitFor("stopped");
      const file = join(c.root, c.id, "state.json");
      writeFileSync(file, damage(readFileSync(file, "utf8")));
      for (const call of [c.call(["state", c.id]), c.start(), c.kill("TERM"), c.delete()]) {
        t.equal(call.status, 1);
        t.match(call.stderr, message);
      }
      const list = c.call(["list"]);
      t.equal(list.status, 0, "list tells of it and lists the others");
      t.match(list.stderr, message);
      t.match(c.delete("--force"), { status: 0, stderr: "" });
      t.notOk(existsSync(join(c.root, c.id)));
    },
  );
}

t.test("the state of another runtime or version is told of and never removed", own, async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.create();
  c.start();
  const file = join(c.root, c.id, "state.json");
  const good = readFileSync(file, "utf8");
  for (const [text, message] of [
    ['{"id":"x","init_process_pid":1}', /was not written by tsrun/],
    [edited(good, { version: 99 }), /has version 99; this tsrun reads version 1/],
  ] as const) {
    writeFileSync(file, text);
    const { id } = c;
    for (const args of [
      ["state", id],
      ["kill", id],
      ["delete", id],
      ["delete", "--force", id],
    ]) {
      t.match(c.call(args), { status: 1, stderr: message }, args.join(" "));
    }
    t.equal(readFileSync(file, "utf8"), text);
  }
  writeFileSync(file, good);
  t.equal(c.status(), "running");
});

t.test("a damaged state of one container does not hide another", own, async (t) => {
  const broken = prepare(t);
  const whole = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  whole.create();
  mkdirSync(join(root, broken.id));
  writeFileSync(join(root, broken.id, "state.json"), "{");
  const { stdout } = whole.call(["list", "--quiet"]);
  t.match(stdout, `${whole.id}\n`);
});

t.test("delete --force of a damaged state ends the container's process", own, async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.configure((config) => (config.linux.cgroupsPath = `/${c.id}`));
  c.create();
  c.start();
  writeFileSync(join(c.root, c.id, "state.json"), "{");
  t.equal(c.delete("--force").status, 0);
  t.ok(
    until(() => remainsOf(c).processes.length === 0, 3000),
    "no process is left",
  );
  t.strictSame(remainsOf(c), nothing);
});

t.test(
  "a directory without state.json is no container, and delete --force removes it",
  runcLike,
  async (t) => {
    const c = prepare(t);
    mkdirSync(join(c.root, c.id), { recursive: true });
    const { status, stderr } = c.call(["state", c.id]);
    t.equal(status, 1);
    t.match(stderr, "container does not exist");
    t.match(c.delete("--force"), { status: 0 });
    t.notOk(existsSync(join(c.root, c.id)));
  },
);

const refused: [what: string, id: string][] = [
  ["..", ".."],
  [".", "."],
  ["a path", "a/b"],
  ["a path upwards", "../x"],
  ["/", "/"],
  ["empty", ""],
  ["1025 characters", "a".repeat(1025)],
  ["letters beyond ASCII", "c\u00f6ntainer"],
  ["a newline", "a\nb"],
  ["a newline at the end", "a\n"],
  ["a space", "a b"],
];

t.test(
  "ids that could not be a directory's name are refused by every command",
  runcLike,
  async (t) => {
    const c = prepare(t);
    mkdirSync(c.root, { recursive: true });
    const outside = join(c.root, "..");
    const before = readdirSync(outside).filter((name) => !name.startsWith("std"));
    for (const [what, id] of refused) {
      const commands = [
        ["create", "--bundle", c.bundle],
        ["state"],
        ["start"],
        ["kill"],
        ["delete"],
      ];
      for (const command of kind === "tsrun" ? commands : commands.slice(0, 1)) {
        const { status, stderr } = c.call([...command, id]);
        t.equal(status, 1, `${command[0]} ${what}`);
        t.not(stderr, "");
      }
    }
    t.strictSame(readdirSync(c.root), []);
    t.strictSame(
      readdirSync(outside).filter((name) => !name.startsWith("std")),
      before,
    );
  },
);

t.test("delete --force of a refused id removes nothing", runcLike, async (t) => {
  const c = prepare(t);
  mkdirSync(c.root, { recursive: true });
  for (const id of ["..", ".", "/", "", "../bundle-1"]) c.call(["delete", "--force", id]);
  t.ok(existsSync(c.root) && existsSync(join(c.bundle, "config.json")));
});

t.test("ids with all characters that are allowed", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  for (const id of ["a", "A-b_c+d.e", "..a", "a".repeat(200)]) {
    const made = c.call(["run", "--bundle", c.bundle, id], { output: output(c) });
    t.match(made, { status: 0 }, id);
  }
});

function edited(text: string, change: object): string {
  return JSON.stringify({ ...(JSON.parse(text) as object), ...change });
}

function output({ bundle }: Container): { stdout: string; stderr: string } {
  return { stdout: join(bundle, "out"), stderr: join(bundle, "err") };
}
