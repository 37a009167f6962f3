import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import t, { type Test } from "tap";
import type { Config } from "./support/bundle.ts";
import { prepare, writeConfig, type Container } from "./support/container.ts";
import { debianTree, needsDebian } from "./support/debian.ts";
import { findProgram, requires } from "./support/host.ts";
import { execute, notWith, run, runtime } from "./support/runtime.ts";

const fixtures = join(import.meta.dirname, "../fixtures/config");
const needsScript = findProgram("script") === null ? "needs script (package bsdutils)" : false;
const refusesHybrid = notWith("crun", "refuses hybrid cgroups");

/** The configuration as an engine wrote it, but for paths of its own machine. */
function fixture(name: string): Config {
  return readConfig(join(fixtures, `${name}.json`));
}

/** Large integers keep their digits, as the limits of podman need it. */
function readConfig(file: string): Config {
  const exact = (_: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === "number" && !Number.isSafeInteger(value) ? BigInt(context!.source!) : value;
  return JSON.parse(readFileSync(file, "utf8"), exact) as Config;
}

/** A container of an engine's configuration, with its files in the bundle. */
function prepareFixture(test: Test, name: string, args: string[]): Container {
  const c = prepare(test);
  const config = fixture(name);
  config.root.path = "rootfs";
  config.process.args = args;
  for (const mount of config.mounts) {
    if (mount.type !== "bind") continue;
    const source = join(c.bundle, basename(mount.source!));
    if (basename(source) === "shm") mkdirSync(source);
    else writeFileSync(source, `${basename(source)}\n`);
    mount.source = source;
  }
  writeConfig(c.bundle, config);
  return c;
}

t.test(
  "what `runc spec` writes, unchanged, with a terminal",
  { skip: needsScript || refusesHybrid },
  async (t) => {
    const c = prepare(t);
    writeConfig(c.bundle, fixture("runc-spec"));
    t.match(inTerminal(c, "tty; stty size; exit 5\n"), {
      status: 5,
      stdout: /\/dev\/(pts\/0|console)\r?\n/,
    });
  },
);

t.test("what `runc spec` writes, without a terminal", { skip: refusesHybrid }, async (t) => {
  const c = prepare(t);
  const config = fixture("runc-spec");
  config.process.terminal = false;
  config.process.args = ["sh", "-c", "hostname; touch /x 2>&1; ls /sys/fs/cgroup | wc -l"];
  writeConfig(c.bundle, config);
  const { status, stdout, stderr } = c.run();
  t.equal(status, 0);
  // It lists ambient capabilities that are not inheritable.
  t.match(stderr, /^(.*level=warning msg="can't raise ambient capability CAP_.*\n)*$/);
  t.match(stdout, /^runc\ntouch: \/x: Read-only file system\n[1-9]\d*\n$/);
});

t.test(
  "what `spec` of the runtime writes, unchanged, with a terminal",
  { skip: needsScript || refusesHybrid },
  async (t) => {
    const c = prepare(t);
    const fresh = prepare(t);
    run(["spec", "--bundle", c.bundle]);
    t.equal(run(["spec"], { cwd: c.bundle }).status, 1, "an existing file is left alone");
    execute("rm", [join(fresh.bundle, "config.json")]);
    t.equal(run(["spec", "--bundle", fresh.bundle]).status, 0);
    t.match(inTerminal(fresh, "echo got $((6*7)); exit 3\n"), { status: 3, stdout: "got 42" });
  },
);

t.test("a configuration of containerd", { skip: refusesHybrid }, async (t) => {
  const c = prepareFixture(t, "containerd", [
    "sh",
    "-c",
    "id -u; mount | wc -l; grep Seccomp: /proc/self/status",
  ]);
  const { status, stdout, stderr } = c.run();
  t.match({ status, stderr }, { status: 0, stderr: "" });
  t.match(stdout, /^0\n\d+\nSeccomp:\t2\n$/);
});

for (const name of ["docker", "podman"]) {
  // The one of podman limits the number of processes.
  const skip = (name === "podman" && requires("pids")) || refusesHybrid;
  t.test(`a configuration of ${name}`, { skip }, async (t) => {
    const c = prepareFixture(t, name, [
      "sh",
      "-c",
      "cat /etc/hostname; ls -d /dev/shm; grep Seccomp: /proc/self/status",
    ]);
    t.match(c.create(), { status: 0, stdout: "", stderr: "" });
    t.match(c.start(), { status: 0, stderr: "" });
    t.ok(c.waitFor("stopped"));
    t.equal(c.stdout(), "hostname\n/dev/shm\nSeccomp:\t2\n");
    t.equal(c.stderr(), "");
  });
}

t.test(
  "a Debian root file system, read-only",
  { skip: needsDebian() || refusesHybrid },
  async (t) => {
    const tree = debianTree();
    const c = prepare(t, (config) => {
      config.root = { path: tree, readonly: true };
      config.process.args = [
        "bash",
        "-c",
        "dpkg-query -W -f '${Package}\\n' bash; perl -e 'print 6*7'; touch /x",
      ];
    });
    const { status, stdout, stderr } = c.run();
    t.equal(status, 1);
    t.equal(stdout, "bash\n42");
    t.match(stderr, /touch: cannot touch '\/x': Read-only file system/);
  },
);

t.test(
  "a Debian root file system with the configuration of docker",
  { skip: needsDebian() || refusesHybrid },
  async (t) => {
    const tree = debianTree();
    const c = prepareFixture(t, "docker", [
      "bash",
      "-c",
      "cat /etc/debian_version; id; mktemp -d >/dev/null; ls /proc/self/fd | wc -l",
    ]);
    const config = readConfig(join(c.bundle, "config.json"));
    config.root = { path: tree, readonly: true };
    config.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs" });
    writeConfig(c.bundle, config);
    t.match(c.run(), { status: 0, stdout: /^12\.\d+\nuid=0\(root\).*\n4\n$/, stderr: "" });
  },
);

/** Runs the container at a terminal that types the input. */
function inTerminal(c: Container, input: string) {
  const command = `${runtime} --root ${c.root} run --bundle ${c.bundle} ${c.id}`;
  return execute("script", ["-qec", command, "/dev/null"], { input });
}
