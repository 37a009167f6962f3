import t from "tap";
import { kind, run } from "./support/runtime.ts";

const commands = ["create", "start", "state", "kill", "delete", "run", "list", "spec"];

t.test("--version prints name and version, then the versions of spec and libseccomp", async (t) => {
  for (const flag of ["--version", "-v"]) {
    const { status, stdout, stderr } = run([flag]);
    const lines = stdout.trimEnd().split("\n");
    t.equal(status, 0);
    t.equal(stderr, "");
    t.match(lines[0], new RegExp(`^(${kind}|runc) version \\d+\\.\\d+`));
    t.match(stdout, /^spec: \d+\.\d+\.\d+/m);
    if (kind !== "crun") t.match(stdout, /^libseccomp: \d+\.\d+\.\d+$/m);
    t.equal(lines.filter((line) => line.includes("version")).length, 1, "the word once only");
  }
});

t.test("--help, -h and help print the commands", async (t) => {
  for (const args of [["--help"], ["-h"], ["help"]]) {
    if (kind === "crun" && args[0] === "help") continue;
    const { status, stdout, stderr } = run(args);
    t.equal(status, 0, args.join(" "));
    t.equal(stderr, "");
    for (const command of commands) t.match(stdout, new RegExp(`^\\s+${command}\\b`, "m"));
  }
});

t.test("no arguments at all print the help", async (t) => {
  const { status, stdout } = run([]);
  if (kind === "crun") return t.not(status, 0);
  t.equal(status, 0);
  t.match(stdout, /create/);
});

t.test("COMMAND --help prints its flags", async (t) => {
  const flags = {
    create: ["bundle", "console-socket", "pid-file", "no-pivot", "no-new-keyring", "preserve-fds"],
    run: ["bundle", "detach", "keep", "no-subreaper", "pid-file", "console-socket"],
    delete: ["force"],
    list: ["format", "quiet"],
    spec: ["bundle", "rootless"],
    start: [],
    state: [],
    kill: [],
  };
  for (const [command, expected] of Object.entries(flags)) {
    const { status, stdout, stderr } = run([command, "--help"]);
    t.equal(status, 0, command);
    t.equal(stderr, "");
    t.match(stdout, command);
    for (const flag of expected) {
      if (kind === "crun" && flag === "rootless") continue;
      t.match(stdout, `--${flag}`, `${command} --${flag}`);
    }
  }
});

t.test("global --help lists the global flags", async (t) => {
  const { stdout } = run(["--help"]);
  for (const flag of [
    "--debug",
    "--log",
    "--log-format",
    "--root",
    "--systemd-cgroup",
    "--rootless",
  ]) {
    t.match(stdout, flag);
  }
});
