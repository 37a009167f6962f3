// The runtime in a container of its own.
import { chownSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import t, { type Test } from "tap";

import { baseConfig, type Config, makeRootfs } from "./support/bundle.ts";
import { shell, writeConfig } from "./support/container.ts";
import { type Call, host, innerBundle, outer, runtimeIn } from "./support/nested.ts";
import { execute, notWith, type Result, scratch } from "./support/runtime.ts";
import { runtimeAs } from "./support/user.ts";

t.setTimeout(120_000);

const user = { uid: 61_244, gid: 61_245 };
const setpriv = existsSync("/usr/bin/setpriv") ? false : "needs setpriv";

/** The runtime inside does all that it does outside. */
function lives(test: Test, call: Call, bundle: string): void {
  const inner = runtimeIn(call);
  const expect = (result: Result, expected: object, what: string) =>
    test.match(result, { status: 0, stderr: "", ...expected }, what);
  expect(inner("run", "--bundle", bundle, "first"), { stdout: "inner\n0\n" }, "run");
  writeSleeper(bundle);
  expect(inner("run", "--detach", "--bundle", bundle, "second"), {}, "run --detach");
  expect(inner("exec", "second", "hostname"), { stdout: "inner\n" }, "exec");
  expect(inner("exec", "second", "hostname"), { stdout: "inner\n" }, "exec once more");
  test.equal(inner("exec", "second", "sh", "-c", "exit 7").status, 7);
  expect(inner("state", "second"), { stdout: /"status": "running"/ }, "state");
  expect(inner("list", "-q"), { stdout: "second\n" }, "list");
  expect(inner("create", "--bundle", bundle, "third"), {}, "create");
  expect(inner("start", "third"), {}, "start");
  expect(inner("kill", "third", "KILL"), {}, "kill");
  for (const id of ["second", "third"]) expect(inner("delete", "--force", id), {}, "delete");
  expect(inner("list", "-q"), { stdout: "" }, "nothing is left");
}

function writeSleeper(bundle: string): void {
  const config = JSON.parse(execute("cat", [join(bundle, "config.json")]).stdout) as Config;
  config.process.args = ["sleep", "1000"];
  writeConfig(bundle, config);
}

const greet = (config: Config) => (config.process.args = shell("hostname; id -u"));

function mapped(config: Config, hostID: number, size: number): void {
  config.linux.namespaces.push({ type: "user" });
  config.linux.uidMappings = [{ containerID: 0, hostID, size }];
  config.linux.gidMappings = [{ containerID: 0, hostID, size }];
}

t.test("in a privileged container", async (t) => {
  const bundle = innerBundle("plain", greet);
  lives(
    t,
    outer(t, (config) => host(config, bundle)),
    bundle,
  );
});

t.test("with a user namespace in a privileged container", async (t) => {
  const bundle = innerBundle("inner-userns", (config) => {
    greet(config);
    mapped(config, 200_000, 1000);
  });
  lives(
    t,
    outer(t, (config) => host(config, bundle)),
    bundle,
  );
});

t.test("with a user namespace in a container that has one", async (t) => {
  const bundle = innerBundle("both-userns", (config) => {
    greet(config);
    mapped(config, 5000, 1000);
  });
  const call = outer(t, (config) => {
    host(config, bundle);
    mapped(config, 100_000, 65_536);
  });
  lives(t, call, bundle);
});

const cgroupMounted = notWith("runc", "wants a cgroup mount");

t.test("rootless in a rootless container", { skip: setpriv || cgroupMounted }, async (t) => {
  const bundle = innerBundle("rootless-inner", (config) => {
    greet(config);
    mapped(config, 0, 1);
    rootless(config);
  });
  const outside = join(scratch, "rootless-outer");
  mkdirSync(join(outside, "rootfs"), { recursive: true });
  makeRootfs(join(outside, "rootfs"));
  const config = baseConfig();
  host(config, bundle);
  rootless(config);
  config.linux.namespaces.push({ type: "user" });
  config.linux.uidMappings = [{ containerID: 0, hostID: user.uid, size: 1 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: user.gid, size: 1 }];
  config.process.args = ["sleep", "1000"];
  writeConfig(outside, config);
  const own = execute("chown", ["-R", `${user.uid}:${user.gid}`, outside, bundle]);
  t.equal(own.status, 0);
  const state = join(scratch, "rootless-state");
  mkdirSync(state);
  chownSync(state, user.uid, user.gid);
  const as = (args: readonly string[]) => {
    const [file, ...words] = runtimeAs(user, ["--root", state, ...args]);
    return execute(file, words);
  };
  t.teardown(() => void as(["delete", "--force", "outer"]));
  t.match(as(["run", "--detach", "--bundle", outside, "outer"]), { status: 0, stderr: "" });
  lives(t, (args) => as(["exec", "outer", ...args]), bundle);
});

/** What needs more than one id, or a cgroup. */
function rootless(config: Config): void {
  config.mounts = config.mounts.filter(({ destination }) => destination !== "/sys/fs/cgroup");
  const pts = config.mounts.find(({ destination }) => destination === "/dev/pts")!;
  pts.options = pts.options!.filter((option) => option !== "gid=5");
}
