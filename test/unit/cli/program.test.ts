// The whole program from its source: what a caller sees on stdout, on stderr, in the log, and as exit status.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

t.setTimeout(120_000); // each outcome is a process of its own

const main = join(import.meta.dirname, "../../../src/main.ts");

type Outcome = { status: number | null; stdout: string; stderr: string };

function tsrun(...argv: string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...argv], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] },
  });
  return { status, stdout, stderr };
}

t.test("without arguments help goes to stdout", async (t) => {
  t.match(tsrun(), { status: 0, stdout: /^Usage: tsrun /, stderr: "" });
});

t.test("a command's help goes to stdout", async (t) => {
  t.match(tsrun("create", "--help"), { status: 0, stdout: /^Usage: tsrun create /, stderr: "" });
});

t.test("the first line of --version is the program's", async (t) => {
  const { status, stdout, stderr } = tsrun("--version");
  t.match({ status, stderr }, { status: 0, stderr: "" });
  t.match(stdout, /^tsrun version \S+\n/);
  t.equal(stdout.match(/version/g)?.length, 1);
});

t.test("an unknown command exits with 3 and suggests the nearest", async (t) => {
  const { status, stdout, stderr } = tsrun("creat");
  t.same([status, stdout], [3, ""]);
  t.match(stderr, "No help topic for 'creat'");
  t.match(stderr, "Did you mean create?");
});

t.test("an unknown flag brings the usage on stdout and its name on stderr", async (t) => {
  const { status, stdout, stderr } = tsrun("create", "--bogus", "c");
  t.equal(status, 1);
  t.match(stdout, /^Incorrect Usage: flag provided but not defined: -bogus\n\nUsage: tsrun create/);
  t.match(stderr, 'level=error msg="flag provided but not defined: -bogus"\n');
});

t.test("a wrong number of arguments brings the usage on stdout", async (t) => {
  const { status, stdout, stderr } = tsrun("state");
  t.equal(status, 1);
  t.match(stdout, /^Incorrect Usage\.\n\nUsage: tsrun state/);
  t.match(stderr, 'msg="tsrun: \\"state\\" requires exactly 1 argument(s)"\n');
});

t.test("wrong global flags are refused", async (t) => {
  const cases: [string[], string][] = [
    [["--log-format", "xml", "list"], "invalid log-format: xml"],
    [["--root", "/", "list"], "Option --root argument should not be set to /"],
    [["--log", "/dev/null/log", "list"], "open /dev/null/log: not a directory"],
  ];
  for (const [argv, message] of cases) {
    const { status, stdout, stderr } = tsrun(...argv);
    t.same([status, stdout], [1, ""]);
    t.match(stderr, message);
  }
});

t.test("a container that does not exist is told in runc's words", async (t) => {
  const root = t.testdir();
  for (const command of ["state", "start", "kill", "delete"]) {
    const { status, stdout, stderr } = tsrun("--root", root, command, "none");
    t.same([status, stdout], [1, ""], command);
    t.match(stderr, /^time="[^"]+" level=error msg="container does not exist"\n/, command);
  }
  t.same(tsrun("--root", root, "delete", "--force", "none"), { status: 0, stdout: "", stderr: "" });
});

t.test("with --log the record goes to the file and the bare message to stderr", async (t) => {
  const root = t.testdir();
  const log = join(root, "log.json");
  const argv = ["--root", root, "--log", log, "--log-format", "json", "create", "-b", "/none", "c"];
  const { status, stdout, stderr } = tsrun(...argv);
  t.same([status, stdout], [1, ""]);
  t.match(stderr, /^tsrun create failed: chdir \/none: no such file or directory\n/);
  const record = JSON.parse(readFileSync(log, "utf8")) as { level: string; msg: string };
  t.match(record, { level: "error", msg: stderr.split("\n")[0], time: /^\d{4}-.*Z$/ });
});

t.test(
  "list of an explicit root that is missing is an error, of the default one it is empty",
  async (t) => {
    const { status, stderr } = tsrun("--root", join(t.testdir(), "none"), "list");
    t.equal(status, 1);
    t.match(stderr, /open .*none: no such file or directory/);
    t.match(tsrun("--root", t.testdir(), "list", "-f", "json"), { status: 0, stdout: "null\n" });
    t.match(tsrun("--root", t.testdir(), "list", "-f", "yaml").stderr, "invalid format option");
  },
);

t.test("--criu is accepted without a word", async (t) => {
  t.match(tsrun("--criu", "/x", "--root", t.testdir(), "list", "-q"), {
    status: 0,
    stdout: "",
    stderr: "",
  });
});

t.test("spec writes config.json once, and prints nothing", async (t) => {
  const bundle = t.testdir();
  t.same(tsrun("spec", "-b", bundle), { status: 0, stdout: "", stderr: "" });
  const text = readFileSync(join(bundle, "config.json"), "utf8");
  t.match(text, /^\{\n\t"ociVersion": /);
  t.match(text, /\n\}$/);
  t.match(tsrun("spec", "-b", bundle), {
    status: 1,
    stderr: /File config\.json exists\. Remove it first/,
  });
});

t.test("a reader that goes away early is no error", async (t) => {
  const { status, stderr } = spawnSync(
    "/bin/sh",
    ["-c", `exec 3>&1; { "$0" "$1" features; echo $? >&2; } | :`, process.execPath, main],
    { encoding: "utf8" },
  );
  t.same([status, stderr], [0, "0\n"]);
});

t.test("on a terminal an error is told to people", async (t) => {
  const command = `${process.execPath} ${main} --root ${t.testdir()} state none`;
  const { status, stdout } = spawnSync("script", ["-qec", command, "/dev/null"], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] },
  });
  t.equal(status, 1);
  t.match(stdout, /^\S*error:\S* container does not exist\r\n/);
});

t.test("--debug tells what is run and where an error comes from", async (t) => {
  const { status, stderr } = tsrun("--debug", "--root", t.testdir(), "state", "none");
  t.equal(status, 1);
  t.match(stderr, / level=debug msg="tsrun \S+: state none" root=/);
  t.match(stderr, /TsrunError: container does not exist\n +at /);
});
