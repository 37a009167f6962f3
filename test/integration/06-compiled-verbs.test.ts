// The launcher does state, start, kill and delete by the programs in the file `verbs`; without that file the engine does
// them. Whoever calls must not be able to tell.
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Config, Container } from "./support/container.ts";
import { engineWasCalled, launcherAlone, seen, sleeper } from "./support/launcher.ts";
import { nothing, remainsOf } from "./support/remains.ts";
import { execute, onlyTsrun, runtime } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

const own = { skip: onlyTsrun("the file of verbs") };
const alone = own.skip === false ? launcherAlone() : "";

const verbsOf = (c: Container): string => join(c.root, c.id, "verbs");

/** How a container gets into a status. */
const ways: Readonly<Record<string, (c: Container) => void>> = {
  created: () => {},
  running: (c) => c.start(),
  paused: (c) => {
    c.start();
    c.call(["pause", c.id]);
  },
  stopped: (c) => {
    c.start();
    c.kill("KILL");
    c.waitFor("stopped");
  },
};

/** What leaves a container as it is, in any status: all on one container. */
const harmless: readonly (readonly string[])[] = [
  ["state", "ID"],
  ["kill", "ID", "0"],
  ["kill", "ID", "65"],
  ["kill", "ID", "nonsense"],
  ["kill", "ID", "-1"],
  ["kill", "ID", "9", "10"],
  ["delete", "--force", "ID", "more"],
  ["state", "--nonsense", "ID"],
  ["state", "ID", "more"],
  ["state", "ID/.."],
];

/** What may change it: each on a container of its own. */
const changing: readonly (readonly string[])[] = [
  ["start", "ID"],
  ["kill", "ID"],
  ["kill", "ID", "kill"],
  ["kill", "ID", "RTMIN+1"],
  ["kill", "--all", "ID", "9"],
  ["kill", "ID", "-a", "TERM"],
  ["delete", "ID"],
  ["delete", "ID", "--force"],
  ["delete", "--force=false", "ID"],
];

function settled(c: Container, command: readonly string[]): unknown {
  if (command[0] === "kill") until(() => c.status() === "stopped", 300);
  const { status, stdout } = c.call(["state", c.id]);
  const left = existsSync(join(c.root, c.id));
  return { status, is: /"status": "\w+"/.exec(stdout)?.[0], left };
}

/** Runs commands on one container, with its verbs or without. */
function outcomes(
  t: Test,
  bring: (c: Container) => void,
  { list, by }: { list: readonly (readonly string[])[]; by: "launcher" | "engine" },
): unknown[] {
  const c = sleeper(t);
  bring(c);
  if (by === "engine") rmSync(verbsOf(c));
  const log = join(c.bundle, "log");
  const flags = ["--root", c.root, "--log", log, "--log-format=json"];
  const all = list.map((command) => {
    const words = command.map((word) => word.replace("ID", c.id));
    return { command, ...(seen(c, execute(runtime, [...flags, ...words]), log) as object) };
  });
  const after = settled(c, list.at(-1)!);
  c.delete("--force");
  return [...all, after];
}

for (const [status, bring] of Object.entries(ways)) {
  t.test(`launcher and engine do the same for a container that is ${status}`, own, async (t) => {
    for (const list of [harmless, ...changing.map((command) => [command])]) {
      t.strictSame(
        outcomes(t, bring, { list, by: "launcher" }),
        outcomes(t, bring, { list, by: "engine" }),
        list[0]!.join(" "),
      );
    }
  });
}

t.test("no engine is needed for what was compiled", own, async (t) => {
  const c = sleeper(t);
  const call = (...args: string[]) => execute(alone, ["--root", c.root, ...args, c.id]);
  t.match(call("state"), { status: 0, stdout: /"status": "created"/ });
  t.match(call("start"), { status: 0, stdout: "" });
  t.match(call("state"), { status: 0, stdout: /"status": "running"/ });
  t.match(execute(alone, ["--root", c.root, "kill", c.id, "KILL"]), { status: 0, stdout: "" });
  t.ok(until(() => call("state").stdout.includes('"status": "stopped"')));
  t.match(call("delete"), { status: 0, stdout: "" });
  t.strictSame(remainsOf(c), nothing);
  t.match(call("delete", "--force"), { stdout: `${engineWasCalled}\n` });
});

t.test("delete --force of a running container needs none either", own, async (t) => {
  const c = sleeper(t);
  c.start();
  t.match(execute(alone, ["--root", c.root, "delete", "--force", c.id]), { status: 0, stdout: "" });
  t.strictSame(remainsOf(c), nothing);
});

const engines: readonly { what: string; edit: (config: Config) => void; verb: string }[] = [
  {
    what: "start with a poststart hook",
    edit: (config) => (config.hooks = { poststart: [{ path: "/bin/true" }] }),
    verb: "start",
  },
  {
    what: "delete with a poststop hook",
    edit: (config) => (config.hooks = { poststop: [{ path: "/bin/true" }] }),
    verb: "delete",
  },
];

for (const { what, edit, verb } of engines) {
  t.test(`${what} is the engine's`, own, async (t) => {
    const c = sleeper(t, edit);
    const { stdout } = execute(alone, ["--root", c.root, verb, c.id]);
    t.equal(stdout, `${engineWasCalled}\n`);
  });
}

t.test("start is the engine's when someone waits for a message", own, async (t) => {
  const c = sleeper(t);
  const env = { NOTIFY_SOCKET: "/run/none" };
  const { stdout } = execute(alone, ["--root", c.root, "start", c.id], { env });
  t.equal(stdout, `${engineWasCalled}\n`);
});

t.test("without a pid namespace of its own SIGKILL is the engine's", own, async (t) => {
  const c = sleeper(t, ({ linux }) => {
    linux.namespaces = linux.namespaces.filter(({ type }) => type !== "pid");
  });
  const kill = (signal: string) =>
    execute(alone, ["--root", c.root, "kill", c.id, signal]).stdout.trim();
  t.equal(kill("9"), engineWasCalled);
  t.equal(kill("0"), "");
});

t.test("SIGKILL to a paused container is the engine's, which thaws it", own, async (t) => {
  const c = sleeper(t);
  c.call(["pause", c.id]);
  t.equal(c.kill("KILL").status, 0);
  t.ok(c.waitFor("stopped"));
});

const distrusted: Readonly<Record<string, (file: string, directory: string) => void>> = {
  "a file of verbs that others may read": (file) => chmodSync(file, 0o644),
  "a file of verbs that is another user's": (file) => chownSync(file, 12345, 0),
  "a file of verbs with a second name": (file) => linkSync(file, `${file}.2`),
  "a symbolic link": (file) => {
    renameSync(file, `${file}.2`);
    symlinkSync("verbs.2", file);
  },
  "a file of verbs that is cut short": (file) =>
    writeFileSync(file, readFileSync(file).subarray(0, -1)),
  "a file of verbs of another build": (file) => {
    const bytes = readFileSync(file);
    bytes[8]! ^= 1;
    writeFileSync(file, bytes);
  },
  "an empty file of verbs": (file) => writeFileSync(file, ""),
  "a state directory that others may write to": (_, directory) => chmodSync(directory, 0o733),
  "a state directory that is another user's": (_, directory) => chownSync(directory, 12345, 0),
  "a state.json that was written again": (_, directory) => {
    const state = readFileSync(join(directory, "state.json"));
    writeFileSync(join(directory, "state.json"), state);
  },
  "a state.json that was touched": (_, directory) =>
    utimesSync(join(directory, "state.json"), 0, 0),
};

for (const [what, spoil] of Object.entries(distrusted)) {
  t.test(`the launcher does not trust ${what}`, own, async (t) => {
    const c = sleeper(t);
    spoil(verbsOf(c), join(c.root, c.id));
    const { stdout } = execute(alone, ["--root", c.root, "state", c.id]);
    t.equal(stdout, `${engineWasCalled}\n`);
  });
}

t.test("what is damaged anywhere is the engine's, and changes nothing", own, async (t) => {
  const c = sleeper(t);
  const whole = readFileSync(verbsOf(c));
  const bad = [0, 1, 7, 255, 4095, 0xffffffff];
  for (let at = 24; at + 4 <= whole.length; at += 4 * 23) {
    const bytes = Buffer.from(whole);
    bytes.writeUInt32LE(bad[at % bad.length]!, at);
    writeFileSync(verbsOf(c), bytes);
    const { status, signal } = execute(alone, ["--root", c.root, "state", c.id]);
    t.strictSame({ status, signal }, { status: 0, signal: null }, `word at ${at}`);
  }
  writeFileSync(verbsOf(c), whole);
  t.equal(c.status(), "created");
});

t.test("an output that takes nothing is an error in the engine's words", own, async (t) => {
  const c = sleeper(t);
  const words = ["-c", '"$0" "$@" > /dev/full', runtime, "--root", c.root, "state", c.id];
  const { status, stderr } = execute("/bin/sh", words);
  t.not(status, 0);
  t.match(stderr, /no space left on device/i);
});

t.test("a state root with .. or of the file system's root is the engine's", own, async (t) => {
  const c = sleeper(t);
  const call = (root: string) => execute(alone, ["--root", root, "state", c.id]).stdout;
  t.match(call(`${c.root}/`), /"status": "created"/);
  t.match(call(`${c.root}/./`), /"status": "created"/);
  for (const root of [`${c.root}/x/..`, "/", "//", "/.", "", "."]) {
    t.equal(call(root), `${engineWasCalled}\n`, root);
  }
});

t.test("a log file is made, also when there is nothing to log", own, async (t) => {
  const c = sleeper(t);
  const log = join(c.bundle, "new.log");
  t.match(execute(alone, ["--root", c.root, "--log", log, "state", c.id]), { status: 0 });
  t.equal(readFileSync(log, "utf8"), "");
  for (const place of ["/no/such/log", "file:/tmp/log", "syslog:tag", "journald:tag"]) {
    const { stdout } = execute(alone, ["--root", c.root, `--log=${place}`, "state", c.id]);
    t.equal(stdout, `${engineWasCalled}\n`, place);
  }
});
