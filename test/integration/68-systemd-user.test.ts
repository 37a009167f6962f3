import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { makeRootfs, type Config } from "./support/bundle.ts";
import { writeConfig } from "./support/container.ts";
import { findProgram, requires } from "./support/host.ts";
import { execute, onlyTsrun, type Result, scratch } from "./support/runtime.ts";
import { runtimeAs } from "./support/user.ts";
import { until } from "./support/wait.ts";

t.setTimeout(900_000);

const needed = requires("systemd") || (findProgram("useradd") ? false : "needs useradd");
const systemd = { skip: needed };
const name = `tsrun-${process.pid}`;
const user = needed === false ? addUser() : { uid: 0, gid: 0 };
const runtimeDirectory = `/run/user/${user.uid}`;
const own = `/user.slice/user-${user.uid}.slice/user@${user.uid}.service`;
let counter = 0;

t.test("a rootless container is a scope of the user's systemd", systemd, async (t) => {
  const c = rootless(t, (config) => {
    config.linux.resources = { memory: { limit: 64 << 20 }, pids: { limit: 50 } };
  });
  t.match(c.call(["--systemd-cgroup", "run", "--detach", c.id]), { status: 0, stderr: "" });
  const place = `${own}/user.slice/runc-${c.id}.scope`;
  t.equal(readFileSync(`/proc/${c.pid()}/cgroup`, "utf8"), `0::${place}\n`);
  t.equal(limit(place, "memory.max"), String(64 << 20));
  t.equal(limit(place, "pids.max"), "50");
  t.match(show(`runc-${c.id}.scope`), {
    ActiveState: "active",
    MemoryMax: String(64 << 20),
    TasksMax: "50",
  });
  t.match(c.call(["kill", c.id, "KILL"]), { status: 0 });
  t.ok(until(() => c.status() === "stopped"));
  t.match(c.call(["delete", c.id]), { status: 0, stderr: "" });
  t.equal(show(`runc-${c.id}.scope`)["LoadState"], "not-found");
  t.notOk(existsSync(`/sys/fs/cgroup${place}`));
});

t.test("its slice is one of the user's", systemd, async (t) => {
  const c = rootless(t, (config, id) => (config.linux.cgroupsPath = `tests-a.slice:pre:${id}`));
  t.match(c.call(["--systemd-cgroup", "create", c.id]), { status: 0, stderr: "" });
  t.equal(
    readFileSync(`/proc/${c.pid()}/cgroup`, "utf8"),
    `0::${own}/tests.slice/tests-a.slice/pre-${c.id}.scope\n`,
  );
  t.match(c.call(["delete", "--force", c.id]), { status: 0, stderr: "" });
});

t.test("the bus may be named by DBUS_SESSION_BUS_ADDRESS", systemd, async (t) => {
  const c = rootless(t, (config) => (config.process.args = ["cat", "/proc/self/cgroup"]));
  const env = { DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtimeDirectory}/bus` };
  const { status, stdout, stderr } = c.call(["--systemd-cgroup", "run", c.id], env);
  t.match({ status, stdout, stderr }, { status: 0, stdout: "0::/\n", stderr: "" });
});

t.test("exec puts a process into the scope, wherever the caller is", systemd, async (t) => {
  const c = rootless(t);
  t.match(c.call(["--systemd-cgroup", "run", "--detach", c.id]), { status: 0, stderr: "" });
  const script = "cat /proc/self/cgroup";
  t.match(c.call(["exec", c.id, "sh", "-c", script]), { status: 0, stdout: "0::/\n", stderr: "" });
});

t.test("update changes the properties and the files", systemd, async (t) => {
  const c = rootless(t);
  t.match(c.call(["--systemd-cgroup", "create", c.id]), { status: 0, stderr: "" });
  t.match(c.call(["update", "--pids-limit", "33", c.id]), { status: 0, stderr: "" });
  t.equal(limit(`${own}/user.slice/runc-${c.id}.scope`, "pids.max"), "33");
  t.match(show(`runc-${c.id}.scope`), { TasksMax: "33" });
});

t.test("without a systemd of the user it says what to do", systemd, async (t) => {
  const c = rootless(t);
  const root = join(c.bundle, "state");
  const lost = { XDG_RUNTIME_DIR: c.bundle };
  const { status, stderr } = c.call(["--root", root, "--systemd-cgroup", "create", c.id], lost);
  t.equal(status, 1);
  t.match(stderr, /systemd|dbus/);
  if (onlyTsrun("the hint") === false) t.match(stderr, "loginctl enable-linger");
});

type Rootless = {
  readonly id: string;
  readonly bundle: string;
  call(args: readonly string[], env?: Record<string, string>): Result;
  pid(): number;
  status(): string;
};

/** A bundle of the user with the config that `spec --rootless` writes. */
function rootless(test: Test, edit: (config: Config, id: string) => unknown = () => {}): Rootless {
  counter += 1;
  const id = `u${process.pid}-${counter}`;
  const bundle = join(scratch, id);
  chmodSync(scratch, 0o711);
  makeRootfs(join(bundle, "rootfs"));
  for (const path of [bundle, join(bundle, "rootfs")]) chownSync(path, user.uid, user.gid);
  const call = (args: readonly string[], env: Record<string, string> = {}) => {
    const [file, ...words] = runtimeAs(user, args);
    const base = { PATH: process.env.PATH!, XDG_RUNTIME_DIR: runtimeDirectory };
    const output = { stdout: join(bundle, `out-${args[0]}`), stderr: join(bundle, "err") };
    return execute(file, words, {
      cwd: bundle,
      env: { ...base, ...env },
      ...detached(args, output),
    });
  };
  const made = call(["spec", "--rootless"]);
  if (made.status !== 0) throw new Error(made.stderr);
  const config = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as Config;
  config.process.terminal = false;
  config.process.args = ["sleep", "300"];
  edit(config, id);
  writeConfig(bundle, config);
  test.teardown(() => void call(["delete", "--force", id]));
  const state = () => JSON.parse(call(["state", id]).stdout) as { pid: number; status: string };
  return { id, bundle, call, pid: () => state().pid, status: () => state().status };
}

/** What outlives the runtime keeps its output. */
function detached(args: readonly string[], output: { stdout: string; stderr: string }) {
  return args.includes("create") || args.includes("--detach") ? { output } : {};
}

/** A user with a systemd of its own, as after a login. */
function addUser(): { uid: number; gid: number } {
  spawnSync("useradd", ["--create-home", name]);
  const id = (flag: string) =>
    Number(spawnSync("id", [flag, name], { encoding: "utf8" }).stdout.trim());
  const made = { uid: id("-u"), gid: id("-g") };
  t.teardown(() => {
    spawnSync("loginctl", ["disable-linger", name]);
    spawnSync("systemctl", ["stop", `user@${made.uid}.service`]);
    spawnSync("userdel", ["--remove", name]);
  });
  spawnSync("loginctl", ["enable-linger", name]);
  spawnSync("systemctl", ["start", `user@${made.uid}.service`]);
  if (!until(() => existsSync(`/run/user/${made.uid}/bus`), 30_000)) {
    throw new Error("the user's systemd has no bus");
  }
  return made;
}

function limit(place: string, name: string): string {
  return readFileSync(`/sys/fs/cgroup${place}/${name}`, "utf8").trim();
}

/** What the user's systemctl says of a unit. */
function show(unit: string): Record<string, string> {
  const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, "--init-groups"];
  const words = ["systemctl", "--user", "show", unit];
  const env = { PATH: process.env.PATH, XDG_RUNTIME_DIR: runtimeDirectory };
  const { stdout } = spawnSync("setpriv", [...ids, ...words], { encoding: "utf8", env });
  return Object.fromEntries(
    stdout
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}
