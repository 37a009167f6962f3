import t from "tap";

import { type Parsed, parseCommandLine } from "../../../src/cli/parse.ts";

type Run = Extract<Parsed, { kind: "run" }>;

function run(...argv: string[]): Run {
  const parsed = parseCommandLine(argv);
  if (parsed.kind !== "run") throw new Error(`parsed as ${JSON.stringify(parsed)}`);
  return parsed;
}

function problem(...argv: string[]): { text: string; hint?: string; command?: string } {
  const parsed = parseCommandLine(argv);
  if (parsed.kind !== "usage") throw new Error(`parsed as ${JSON.stringify(parsed)}`);
  const { text, hint, command } = parsed.problem;
  return { text, hint, command: command?.name };
}

t.test("flags have one dash or two", async (t) => {
  t.equal(run("create", "-bundle", "/b", "c").flags["bundle"], "/b");
  t.equal(run("create", "--bundle", "/b", "c").flags["bundle"], "/b");
  t.equal(run("create", "-b", "/b", "c").flags["bundle"], "/b");
  t.equal(run("create", "--b", "/b", "c").flags["bundle"], "/b");
  t.equal(run("run", "-no-subreaper", "c").flags["no-subreaper"], true);
});

t.test("a value is the next word or stands behind =", async (t) => {
  t.equal(run("list", "--format=json").flags["format"], "json");
  t.equal(run("list", "-f", "json").flags["format"], "json");
  t.equal(run("create", "--pid-file=", "c").flags["pid-file"], "");
  t.equal(run("create", "--pid-file=a=b", "c").flags["pid-file"], "a=b");
  t.equal(run("create", "--pid-file", "-", "c").flags["pid-file"], "-");
  t.equal(run("create", "--pid-file", "--keep", "c").flags["pid-file"], "--keep");
});

t.test("booleans take =true and =false in Go's spellings, and never the next word", async (t) => {
  for (const yes of ["1", "t", "T", "true", "TRUE", "True"]) {
    t.equal(run("delete", `--force=${yes}`, "c").flags["force"], true, yes);
  }
  for (const no of ["0", "f", "F", "false", "FALSE", "False"]) {
    t.equal(run("delete", `--force=${no}`, "c").flags["force"], false, no);
  }
  t.same(run("delete", "--force", "false").args, ["false"]);
  t.equal(
    problem("delete", "--force=yes", "c").text,
    'invalid boolean value "yes" for -force: parse error',
  );
});

t.test("a flag that is not given has its default", async (t) => {
  const { flags, globals } = run("create", "c");
  t.match(flags, { "no-pivot": false, "preserve-fds": 0, bundle: undefined });
  t.match(globals, { root: undefined, "log-format": "text", debug: false, rootless: "auto" });
});

t.test("of a flag that is given twice the last one counts", async (t) => {
  t.equal(run("list", "-f", "table", "--format", "json").flags["format"], "json");
});

t.test("flags may follow positionals", async (t) => {
  const deleted = run("delete", "c", "-f");
  t.same([deleted.args, deleted.flags["force"]], [["c"], true]);
  const created = run("create", "c", "--pid-file", "F");
  t.same([created.args, created.flags["pid-file"]], [["c"], "F"]);
  t.same(run("kill", "c", "--all", "9").args, ["c", "9"]);
  t.same(run("kill", "--all", "c", "9").flags["all"], true);
});

t.test("-- ends flags", async (t) => {
  t.same(run("state", "--", "-c").args, ["-c"]);
  t.same(run("delete", "c", "--").args, ["c"]);
  t.equal(run("--", "state", "c").name, "state");
});

t.test("a single dash is a positional", async (t) => {
  t.same(run("state", "-").args, ["-"]);
});

t.test("for kill a negative number behind the id is a signal", async (t) => {
  t.same(run("kill", "c", "-9").args, ["c", "-9"]);
  t.match(problem("kill", "-9", "c"), {
    text: "flag provided but not defined: -9",
    hint: /the signal comes last: tsrun kill CONTAINER 9/,
  });
  t.equal(problem("state", "c", "-9").text, "flag provided but not defined: -9");
});

t.test("global flags stand in front of the command", async (t) => {
  const { globals, name } = run(
    "--root",
    "/r",
    "--log=/l",
    "--log-format",
    "json",
    "--systemd-cgroup",
    "--rootless=true",
    "--criu",
    "/usr/sbin/criu",
    "state",
    "c",
  );
  t.equal(name, "state");
  t.match(globals, {
    root: "/r",
    log: "/l",
    "log-format": "json",
    "systemd-cgroup": true,
    rootless: "true",
    criu: "/usr/sbin/criu",
  });
  t.match(problem("state", "--root", "/r", "c"), {
    text: "flag provided but not defined: -root",
    hint: /goes in front of the command/,
  });
});

t.test("an unknown flag is named with one dash", async (t) => {
  t.match(problem("--bogus", "state", "c"), {
    text: "flag provided but not defined: -bogus",
    command: undefined,
  });
  t.match(problem("create", "c", "--bogus=1"), {
    text: "flag provided but not defined: -bogus",
    command: "create",
  });
  for (const word of ["---root", "--=x", "-=x"]) {
    t.equal(problem("create", word, "c").text, `bad flag syntax: ${word}`);
  }
});

t.test("a flag without its value is told in Go's words", async (t) => {
  t.equal(problem("create", "--bundle").text, "flag needs an argument: -bundle");
  t.equal(problem("create", "-b").text, "flag needs an argument: -b");
  t.equal(problem("--root").text, "flag needs an argument: -root");
});

t.test("integers are Go's: signed, in base 2, 8, 10 or 16", async (t) => {
  const given = { "7": 7, "+7": 7, "0": 0, "0x1f": 31, "010": 8, "0o10": 8, "0b11": 3 };
  for (const [text, number] of Object.entries(given)) {
    t.equal(run("create", "--preserve-fds", text, "c").flags["preserve-fds"], number, text);
  }
  for (const text of ["", "abc", "1.5", "09", "1e3", "9007199254740993"]) {
    t.equal(
      problem("create", `--preserve-fds=${text}`, "c").text,
      `invalid value ${JSON.stringify(text)} for flag -preserve-fds: parse error`,
    );
  }
  t.equal(
    problem("create", "--preserve-fds", "-1", "c").text,
    'invalid value "-1" for flag -preserve-fds: less than 0',
  );
});

t.test("a wrong number of arguments is told in runc's words", async (t) => {
  t.equal(problem("state").text, '"state" requires exactly 1 argument(s)');
  t.equal(problem("state", "a", "b").text, '"state" requires exactly 1 argument(s)');
  t.equal(problem("kill").text, '"kill" requires a minimum of 1 argument(s)');
  t.equal(problem("kill", "a", "b", "c").text, '"kill" requires a maximum of 2 argument(s)');
  t.equal(problem("list", "a").text, '"list" requires exactly 0 argument(s)');
});

t.test("an empty argument counts", async (t) => {
  t.same(run("state", "").args, [""]);
});

t.test("help is asked for in many ways", async (t) => {
  for (const argv of [[], ["-h"], ["--help"], ["-help"], ["help"], ["h"], ["--debug"]]) {
    t.same(parseCommandLine(argv), { kind: "help" }, argv.join(" "));
  }
  for (const argv of [
    ["state", "-h"],
    ["state", "--help"],
    ["state", "a", "b", "--help"],
    ["help", "state"],
    ["h", "state"],
  ]) {
    t.match(parseCommandLine(argv), { kind: "help", command: { name: "state" } }, argv.join(" "));
  }
  t.equal(run("state", "--help=false", "c").name, "state");
});

t.test("-v and --version stand in front of the command only", async (t) => {
  t.same(parseCommandLine(["-v"]), { kind: "version" });
  t.same(parseCommandLine(["--version", "state", "c"]), { kind: "version" });
  t.equal(problem("state", "-v", "c").text, "flag provided but not defined: -v");
});

t.test("a word that is no command is unknown, to help too", async (t) => {
  t.match(parseCommandLine(["creat"]), { kind: "unknown-command", word: "creat" });
  t.match(parseCommandLine(["help", "creat"]), { kind: "unknown-command", word: "creat" });
  t.match(parseCommandLine([""]), { kind: "unknown-command", word: "" });
});
