// What people are told of a configuration that cannot be used: where, why, and what to do. And nothing is left behind.
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Config } from "./support/bundle.ts";
import { prepare, type Container } from "./support/container.ts";
import { nothing, remainsOf } from "./support/remains.ts";
import { execute, onlyTsrun } from "./support/runtime.ts";

t.setTimeout(170_000);

const own = { skip: onlyTsrun("its messages") };

const texts: [what: string, text: string | Buffer, message: RegExp][] = [
  ["nothing", "", /config\.json is empty/],
  ["white space", " \n\t\n", /config\.json is empty/],
  ["half an object", '{\n  "ociVersion"', /config\.json:2:\d+/],
  ["a comma too much", '{\n  "a": 1,\n}', /config\.json:3:1[\s\S]*remove the comma/],
  ["a comment", '{\n  // note\n  "a": 1}', /config\.json:2:3[\s\S]*remove the comment/],
  ["single quotes", "{\n  'a': 1}", /config\.json:2:3[\s\S]*double quotes/],
  ["NUL bytes", "\0\0\0\0", /config\.json:1:1/],
  ["NUL bytes in a string", '{\n"ociVersion": "1.\0.2"}', /config\.json:2:\d+/],
  [
    "bytes that are not UTF-8",
    Buffer.from('{\n"a": "\xff"}', "latin1"),
    /not UTF-8: byte 0xff[\s\S]*config\.json:2:\d+/,
  ],
  ["UTF-16", Buffer.from("\ufeff{}", "utf16le"), /UTF-16[\s\S]*save the file as UTF-8/],
  ["a byte order mark", "\ufeff{}", /byte order mark[\s\S]*config\.json:1:1/],
  ["two values", "{}\n{}", /config\.json:2:1/],
  ["a list", "[]", /./],
  ["a number", "7", /./],
  ["null", "null", /./],
  ["brackets without end", "[".repeat(200_000), /nested deeper than 1000 levels/],
  ["words", "not json at all", /config\.json:1:1/],
];

for (const [what, text, message] of texts) {
  t.test(`a config.json of ${what}`, own, async (t) => {
    const c = prepare(t);
    writeFileSync(join(c.bundle, "config.json"), text);
    refused(t, c, message);
  });
}

const edits: [what: string, edit: (config: Config) => unknown, message: RegExp][] = [
  [
    "wrong types",
    (config) => assign(config.process, { args: "sh", cwd: 5, env: {} }),
    /process\.args: must be an array[\s\S]*config\.json:\d+:\d+: \/process\/cwd/,
  ],
  [
    "null in place of a value",
    (config) => assign(config.mounts[0]!, { destination: null }),
    /\/mounts\/0\/destination.*config\.json:\d+:\d+/,
  ],
  [
    "a number beyond 64 bits",
    (config) => assign(config.linux, { resources: { pids: { limit: 10n ** 20n } } }),
    /\/linux\/resources\/pids\/limit.*config\.json:\d+:\d+/,
  ],
  [
    "a fraction where an integer is wanted",
    (config) => assign(config.process.user!, { uid: 1.5 }),
    /\/process\/user\/uid.*config\.json:\d+:\d+/,
  ],
  [
    "a uid beyond 32 bits",
    (config) => assign(config.process.user!, { uid: 2 ** 32 }),
    /\/process\/user\/uid.*config\.json:\d+:\d+/,
  ],
  [
    "an unknown namespace",
    (config) => assign(config.linux.namespaces[0]!, { type: "pidd" }),
    /\/linux\/namespaces\/0\/type.*config\.json:\d+:\d+[\s\S]*did you mean "pid"/,
  ],
  [
    "a NUL character in an argument",
    (config) => assign(config.process, { args: ["sh", "a\0b"] }),
    /\/process\/args\/1.*config\.json:\d+:\d+/,
  ],
  [
    "a mount of a source that is not there",
    (config) =>
      config.mounts.push({
        destination: "/x",
        type: "bind",
        source: "/nowhere",
        options: ["bind"],
      }),
    /\/nowhere.*no such file or directory[\s\S]*\/mounts\/6.*config\.json:\d+:\d+/,
  ],
  [
    "a rootfs that is not there",
    (config) => (config.root.path = "absent"),
    /absent[\s\S]*\/root\/path at .*config\.json:\d+:\d+/,
  ],
];

for (const [what, edit, message] of edits) {
  t.test(`a configuration with ${what}`, own, async (t) => refused(t, prepare(t, edit), message));
}

t.test("numbers beyond 2^53 keep their digits", own, async (t) => {
  const c = prepare(t, (config) => {
    config.process.rlimits = [
      { type: "RLIMIT_AS", soft: 9007199254740993n, hard: 18446744073709551615n },
    ];
    config.process.args = ["grep", "Max address", "/proc/self/limits"];
  });
  t.match(c.run(), { status: 0, stdout: /9007199254740993 +unlimited/ });
});

t.test("a config.json of 100 MB is refused quickly", own, async (t) => {
  const c = prepare(t);
  truncateSync(join(c.bundle, "config.json"), 100 * 1024 * 1024);
  refused(t, c, /too large: 100 MiB, at most 64 MiB/);
});

t.test("something else in the place of config.json", own, async (t) => {
  const c = prepare(t);
  const file = join(c.bundle, "config.json");
  const replace = (make: () => unknown, message: RegExp) => {
    rmSync(file, { recursive: true, force: true });
    make();
    refused(t, c, message);
  };
  replace(() => {}, /JSON specification file config\.json not found/);
  replace(() => mkdirSync(file), /is a directory/);
  replace(() => execute("mkfifo", [file]), /a FIFO, not a file/);
  replace(() => symlinkSync("/dev/zero", file), /a device, not a file/);
  replace(() => symlinkSync("config.json", file), /too many levels of symbolic links/);
});

t.test("a bundle that is not there, and one that is a file", own, async (t) => {
  const c = prepare(t);
  const attempt = (bundle: string) => c.call(["create", "--bundle", bundle, c.id]);
  t.match(attempt("/nowhere"), { status: 1, stderr: /chdir \/nowhere: no such file or directory/ });
  const file = join(c.bundle, "config.json");
  t.match(attempt(file), { status: 1, stderr: /not a directory/ });
  t.strictSame(remainsOf(c), nothing);
});

function assign(target: object, values: object): void {
  Object.assign(target, values);
}

/** By create and by run: with a message, without a trace of a bug, and nothing is left. */
function refused(t: Test, c: Container, message: RegExp): void {
  for (const command of ["create", "run"]) {
    const { status, stderr, stdout } = c.call([command, "--bundle", c.bundle, c.id], {
      timeout: 20_000,
    });
    t.equal(status, 1, command);
    t.equal(stdout, "");
    t.match(stderr, message);
    t.notMatch(stderr, /bug in tsrun|at .*\.ts:\d+|node:internal/);
    t.match(stderr.split("\n")[0], `tsrun ${command} failed: `);
  }
  t.strictSame(remainsOf(c), nothing);
}
