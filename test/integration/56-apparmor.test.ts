import { readFileSync } from "node:fs";

import t, { type Test } from "tap";

import { type Config, prepare, shell } from "./support/container.ts";
import { runContainer } from "./support/exec.ts";
import { requires } from "./support/host.ts";
import { execute, kind } from "./support/runtime.ts";

const skip = requires("apparmor");
const label = "cat /proc/self/attr/current";

/** Loads a profile that allows everything but writing below /tmp/denied, until the test ends. */
function loadProfile(test: Test, name: string): string {
  const profile = `profile ${name} flags=(attach_disconnected,mediate_deleted) {
    file, capability, network, mount, umount, pivot_root, signal, ptrace, unix,
    deny /tmp/denied/** w,
  }`;
  const load = (action: string) =>
    execute("apparmor_parser", [action, "--skip-cache"], { input: profile });
  const { status, stderr } = load("--replace");
  if (status !== 0) throw new Error(`apparmor_parser: ${stderr}`);
  test.teardown(() => void load("--remove"));
  return name;
}

/** As a user too, and with the privileges that set-user-id programs give. */
const ways: Readonly<Record<string, (config: Config) => void>> = {
  "without new privileges": ({ process }) => (process.noNewPrivileges = true),
  "with new privileges": ({ process }) => (process.noNewPrivileges = false),
  "an ordinary user": ({ process }) => (process.user = { uid: 1000, gid: 1000 }),
  "a user namespace": ({ linux }) => {
    linux.namespaces.push({ type: "user" });
    linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
    linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65536 }];
  },
};

t.test("the container is confined by its profile", { skip }, async (t) => {
  const profile = loadProfile(t, "tsrun-test");
  const script = `${label}; mkdir -p /tmp/denied; echo 1 > /tmp/allowed && echo wrote; echo 1 > /tmp/denied/file`;
  for (const [name, edit] of Object.entries(ways)) {
    const c = prepare(t, (config) => {
      config.process.apparmorProfile = profile;
      config.process.args = shell(script);
      config.mounts.push({
        destination: "/tmp",
        type: "tmpfs",
        source: "tmp",
        options: ["mode=1777"],
      });
      edit(config);
    });
    const { stdout, stderr } = c.run();
    t.equal(stdout, `${profile} (enforce)\nwrote\n`, name);
    t.match(stderr, /\/tmp\/denied\/file: Permission denied/, name);
  }
});

t.test("without a profile it is not", { skip }, async (t) => {
  const c = prepare(t, ({ process }) => (process.args = shell(label)));
  t.equal(c.run().stdout, "unconfined\n");
});

t.test("exec is in the profile of the container, or in its own", { skip }, async (t) => {
  const [own, other] = [loadProfile(t, "tsrun-test"), loadProfile(t, "tsrun-test-other")];
  const c = runContainer(t, ({ process }) => (process.apparmorProfile = own));
  t.equal(c.exec(shell(label)).stdout, `${own} (enforce)\n`);
  t.equal(c.exec(shell(label)).stdout, `${own} (enforce)\n`, "once more");
  t.equal(c.exec(shell(label), ["--apparmor", other]).stdout, `${other} (enforce)\n`);
  t.match(c.exec(["true"], ["--apparmor", "tsrun-absent"]), {
    status: kind === "crun" ? 1 : 255,
    stderr: /apparmor/,
  });
});

t.test("a profile that is not loaded is an error, and nothing is left", { skip }, async (t) => {
  const c = prepare(t, ({ process }) => (process.apparmorProfile = "tsrun-absent"));
  t.equal(c.create().status, 1);
  t.match(c.stderr(), /apparmor/);
  if (kind === "tsrun") {
    t.match(c.stderr(), "the profile tsrun-absent is not loaded");
    t.match(c.stderr(), "/process/apparmorProfile at ");
  }
  t.equal(c.call(["state", c.id]).status, 1);
});

t.test("a profile that only complains denies nothing", { skip }, async (t) => {
  const profile = loadProfile(t, "tsrun-test");
  execute("apparmor_parser", ["--replace", "--skip-cache"], {
    input: `profile ${profile} flags=(complain) {}`,
  });
  const c = prepare(t, ({ process }) => {
    process.apparmorProfile = profile;
    process.args = shell(`${label}; echo 1 > /tmp/file && echo wrote`);
  });
  t.equal(c.run().stdout, `${profile} (complain)\nwrote\n`);
});

t.test("the loaded profiles are as before", { skip }, async (t) => {
  t.notMatch(readFileSync("/sys/kernel/security/apparmor/profiles", "utf8"), "tsrun-");
});
