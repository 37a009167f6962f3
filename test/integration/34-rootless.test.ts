import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { makeRootfs, type Config } from "./support/bundle.ts";
import { writeConfig } from "./support/container.ts";
import { requires } from "./support/host.ts";
import { execute, kind, notWith, scratch, type Result } from "./support/runtime.ts";
import { runtimeAs } from "./support/user.ts";
import { until } from "./support/wait.ts";

/** An ordinary user without any rights, and without a range in /etc/subuid. */
const user = { uid: 61_234, gid: 61_235 };
const ownDirectory = notWith("runc", "names the directory of its state after itself");
const setpriv = existsSync("/usr/bin/setpriv") ? false : "needs setpriv";

let counter = 0;

t.test("the config of spec --rootless runs", { skip: setpriv }, async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sh", "-c", "id -u; id -g; hostname"]));
  t.match(c.call(["run", c.id]), {
    status: 0,
    stderr: "",
    stdout: `0\n0\n${c.hostname}\n`,
  });
});

t.test(
  "the container's root is the user, and setgroups is denied",
  { skip: setpriv },
  async (t) => {
    const c = prepare(t, (config) => {
      config.process.args = [
        "sh",
        "-c",
        "cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; touch /made",
      ];
      config.root.readonly = false;
    });
    const { status, stdout, stderr } = c.call(["run", c.id]);
    t.equal(status, 0, stderr);
    t.strictSame(stdout.trim().split(/\s+/), [
      "0",
      String(user.uid),
      "1",
      "0",
      String(user.gid),
      "1",
      "deny",
    ]);
    t.match(statSync(join(c.bundle, "rootfs/made")), user);
  },
);

t.test("create, start, state, kill, list and delete", { skip: setpriv }, async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  t.match(c.call(["create", c.id]), { status: 0, stdout: "", stderr: "" });
  t.equal(c.status(), "created");
  t.match(c.call(["start", c.id]), { status: 0, stdout: "", stderr: "" });
  t.equal(c.status(), "running");
  t.match(c.call(["list", "-q"]).stdout, c.id);
  t.match(c.call(["kill", c.id, "KILL"]), { status: 0 });
  t.ok(until(() => c.status() === "stopped"));
  t.match(c.call(["delete", c.id]), { status: 0, stderr: "" });
  t.equal(c.call(["state", c.id]).status, 1);
});

t.test("exec joins the container as its root", { skip: setpriv }, async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  t.match(c.call(["create", c.id]), { status: 0 });
  t.match(c.call(["start", c.id]), { status: 0 });
  const show = ["sh", "-c", "id -u; hostname; cat /proc/self/uid_map"];
  t.match(c.call(["exec", c.id, ...show]), {
    status: 0,
    stderr: "",
    stdout: new RegExp(`^0\\n${c.hostname}\\n\\s+0\\s+${user.uid}\\s+1\\n$`),
  });
  t.equal(c.call(["exec", c.id, "sh", "-c", "exit 5"]).status, 5);
  t.match(c.call(["exec", "-g", "0", c.id, "true"]), {
    status: 255,
    stderr: /cannot set any additional groups in a rootless container/,
  });
});

t.test(
  "the state is below XDG_RUNTIME_DIR, in a directory that clean-ups leave alone",
  { skip: setpriv || ownDirectory },
  async (t) => {
    const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
    t.match(c.call(["create", c.id]), { status: 0, stderr: "" });
    const directory = join(c.runtimeDirectory, kind);
    t.match(statSync(directory), { uid: user.uid });
    t.equal(statSync(directory).mode & 0o7777, 0o1700);
    t.ok(existsSync(join(directory, c.id, "state.json")));
  },
);

t.test("another user's state root is an error that names it", { skip: setpriv }, async (t) => {
  const c = prepare(t);
  const foreign = join(scratch, "foreign");
  mkdirSync(foreign, { recursive: true, mode: 0o700 });
  const { status, stderr } = c.call(["--root", foreign, "create", c.id]);
  t.equal(status, 1);
  t.match(stderr, foreign);
  t.match(stderr, /permission denied/i);
});

t.test("the mounts and devices are those of the config", { skip: setpriv }, async (t) => {
  const c = prepare(t, (config) => {
    const script =
      "ls /dev/null /dev/tty /dev/pts /dev/shm /sys/kernel > /dev/null && echo x > /dev/null && echo ok";
    config.process.args = ["sh", "-c", script];
  });
  t.match(c.call(["run", c.id]), { status: 0, stderr: "", stdout: "ok\n" });
});

t.test("without a user namespace it is refused", { skip: setpriv }, async (t) => {
  const c = prepare(t, (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "user");
    Reflect.deleteProperty(config.linux, "uidMappings");
    Reflect.deleteProperty(config.linux, "gidMappings");
  });
  const { status, stderr } = c.call(["run", c.id]);
  t.equal(status, 1);
  t.match(stderr, "rootless container requires user namespaces");
});

t.test("additional groups cannot be set", { skip: setpriv }, async (t) => {
  const c = prepare(t, (config) => (config.process.user = { uid: 0, gid: 0, additionalGids: [0] }));
  const { status, stderr } = c.call(["run", c.id]);
  t.equal(status, 1);
  t.match(stderr, "cannot set any additional groups in a rootless container");
});

t.test("a limit that the user has no rights for is an error", { skip: setpriv }, async (t) => {
  const c = prepare(t, (config) => (config.linux.resources = { memory: { limit: 10_000_000 } }));
  const { status, stderr } = c.call(["run", c.id]);
  t.equal(status, 1);
  t.match(stderr, /cgroup|memory/);
});

t.test("hooks run as the user, in the container as its root", { skip: setpriv }, async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["true"]));
  c.configure((config) => {
    const hook = (file: string) => ({
      path: "/bin/sh",
      args: ["sh", "-c", `id -u > ${file}`],
      env: ["PATH=/usr/bin:/bin"],
    });
    config.root.readonly = false;
    config.hooks = {
      createRuntime: [hook(`${c.bundle}/runtime`)],
      createContainer: [hook(`${c.bundle}/container`)],
      startContainer: [hook("/start")],
    };
  });
  const seen = () =>
    ["runtime", "container", "rootfs/start"].map((file) =>
      readFileSync(join(c.bundle, file), "utf8").trim(),
    );
  const expected = [String(user.uid), "0", "0"];
  t.match(c.call(["run", c.id]), { status: 0, stderr: "" });
  t.strictSame(seen(), expected, "run");
  t.match(c.call(["create", c.id]), { status: 0, stderr: "" });
  t.match(c.call(["start", c.id]), { status: 0, stderr: "" });
  t.strictSame(seen(), expected, "create and start");
});

t.test("exec joins a container that is only created", { skip: setpriv }, async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  t.match(c.call(["create", c.id]), { status: 0, stderr: "" });
  t.match(c.call(["exec", c.id, "id", "-u"]), { status: 0, stderr: "", stdout: "0\n" });
  t.equal(c.status(), "created");
});

t.test("a bind of the user's own files works, and read-only too", { skip: setpriv }, async (t) => {
  const c = prepare(t);
  mkdirSync(join(c.bundle, "own"));
  chownSync(join(c.bundle, "own"), user.uid, user.gid);
  c.configure((config) => {
    const bind = { type: "bind", source: join(c.bundle, "own") };
    config.mounts.push(
      { ...bind, destination: "/tmp", options: ["rbind", "rw"] },
      { ...bind, destination: "/run", options: ["rbind", "ro"] },
    );
    config.process.args = [
      "sh",
      "-c",
      "echo x > /tmp/file; cat /run/file; touch /run/y || echo ro",
    ];
  });
  t.match(c.call(["run", c.id]), { status: 0, stdout: "x\nro\n" });
});

t.test(
  "more ids than one's own need newuidmap and its files",
  { skip: setpriv || requires("newuidmap") },
  async (t) => {
    const c = prepare(t, (config) => {
      const more = { containerID: 1, hostID: 1_000_000, size: 1000 };
      config.linux.uidMappings!.push(more);
      config.linux.gidMappings!.push(more);
      config.process.args = ["true"];
    });
    const { status, stderr } = c.call(["run", c.id]);
    t.equal(status, 1);
    t.match(stderr, /new[ug]idmap/);
  },
);

t.test(
  "newuidmap and newgidmap write maps of the ranges in /etc/subuid and /etc/subgid",
  { skip: setpriv || requires("newuidmap") },
  async (t) => {
    const c = prepare(t, (config) => {
      const more = { containerID: 1, hostID: 1_000_000, size: 2000 };
      config.linux.uidMappings!.push(more);
      config.linux.gidMappings!.push(more);
      config.process.user = { uid: 1000, gid: 1001 };
      config.process.args = [
        "sh",
        "-c",
        "id -u; id -G; cat /proc/self/uid_map /proc/self/setgroups",
      ];
    });
    const { status, stdout, stderr } = runWithRanges(c);
    t.match({ status, stderr }, { status: 0, stderr: "" });
    const words = stdout.trim().split(/\s+/).join(" ");
    t.equal(words, `1000 1001 0 ${user.uid} 1 1 1000000 2000 allow`);
  },
);

t.test(
  "a range that /etc/subuid does not give is an error",
  { skip: setpriv || requires("newuidmap") },
  async (t) => {
    const c = prepare(t, (config) => {
      const more = { containerID: 1, hostID: 2_000_000, size: 2000 };
      config.linux.uidMappings!.push(more);
      config.linux.gidMappings!.push(more);
    });
    const { status, stderr } = runWithRanges(c);
    t.equal(status, 1);
    t.match(stderr, /new[ug]idmap/);
    if (kind === "tsrun") t.match(stderr, /hint: .*\/etc\/sub[ug]id/);
    t.equal(c.call(["state", c.id]).status, 1, "nothing is left");
  },
);

/** Runs with the user in files that lie over those of /etc, seen by this command alone. */
function runWithRanges({ id, bundle, runtimeDirectory }: Rootless): Result {
  const name = "tsrun-test";
  const write = (file: string, text: string) => writeFileSync(join(scratch, file), text);
  const passwd = readFileSync("/etc/passwd", "utf8");
  write("passwd", `${passwd}${name}:x:${user.uid}:${user.gid}::/:/bin/sh\n`);
  for (const file of ["subuid", "subgid"]) write(file, `${name}:1000000:2000\n`);
  const script = `for file in passwd subuid subgid; do
    test -e /etc/$file || exit 99
    mount --bind "$0/$file" /etc/$file || exit 98
  done
  exec "$@"`;
  const command = runtimeAs(user, ["run", id]);
  return execute("/usr/bin/unshare", ["--mount", "sh", "-c", script, scratch, ...command], {
    cwd: bundle,
    env: environment(runtimeDirectory),
  });
}

type Rootless = {
  readonly id: string;
  readonly bundle: string;
  readonly hostname: string;
  readonly runtimeDirectory: string;
  configure(edit: (config: Config) => void): void;
  call(args: readonly string[]): Result;
  status(): string;
};

/** A bundle of the user with the config that `spec --rootless` writes, without a terminal. */
function prepare(test: Test, edit: (config: Config) => void = () => {}): Rootless {
  counter += 1;
  const id = `r${process.pid}-${counter}`;
  const bundle = join(scratch, id);
  const runtimeDirectory = join(scratch, `${id}-run`);
  makeRootfs(join(bundle, "rootfs"));
  mkdirSync(runtimeDirectory, { mode: 0o700 });
  for (const path of [bundle, join(bundle, "rootfs"), runtimeDirectory]) {
    chownSync(path, user.uid, user.gid);
  }
  const call = (args: readonly string[]) => asUser(args, { cwd: bundle, runtimeDirectory });
  const made = call(["spec", "--rootless"]);
  if (made.status !== 0) throw new Error(made.stderr);
  const config = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as Config;
  config.process.terminal = false;
  const configure = (change: (config: Config) => void) => {
    change(config);
    writeConfig(bundle, config);
  };
  configure(edit);
  test.teardown(() => void call(["delete", "--force", id]));
  const status = () => (JSON.parse(call(["state", id]).stdout) as { status: string }).status;
  const hostname = String((config as { hostname?: string }).hostname);
  return { id, bundle, hostname, runtimeDirectory, configure, call, status };
}

function asUser(
  args: readonly string[],
  options: { cwd: string; runtimeDirectory: string },
): Result {
  const [file, ...words] = runtimeAs(user, args);
  return execute(file, words, {
    cwd: options.cwd,
    env: environment(options.runtimeDirectory),
  });
}

function environment(runtimeDirectory: string): Record<string, string> {
  return { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", XDG_RUNTIME_DIR: runtimeDirectory };
}
