import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { type Config, type Container, prepare, shell } from "./support/container.ts";
import { findProgram, requires } from "./support/host.ts";
import { execute, onlyTsrun, runtime, scratch } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.setTimeout(900_000);

const systemd = { skip: requires("systemd") };
const mount = "/sys/fs/cgroup";

t.test("the container is a scope in the slice that cgroupsPath names", systemd, async (t) => {
  const c = sleeper(t, (config, { id }) => (config.linux.cgroupsPath = `tests-a.slice:pre:${id}`));
  expectCreated(t, c);
  const place = `/tests.slice/tests-a.slice/pre-${c.id}.scope`;
  t.equal(cgroupOf(c), place);
  t.strictSame(processesIn(place), [c.state().pid], "with init alone in it");
  t.match(show(`pre-${c.id}.scope`), {
    ActiveState: "active",
    ControlGroup: place,
    Slice: "tests-a.slice",
    Delegate: "yes",
    Transient: "yes",
  });
});

t.test("without a cgroupsPath it is runc-ID.scope in system.slice", systemd, async (t) => {
  const c = sleeper(t, (config) => (config.linux.cgroupsPath = undefined));
  expectCreated(t, c);
  t.equal(cgroupOf(c), `/system.slice/runc-${c.id}.scope`);
});

t.test("a slice and a prefix may be left out", systemd, async (t) => {
  const c = sleeper(t, (config, { id }) => (config.linux.cgroupsPath = `::${id}`));
  expectCreated(t, c);
  t.equal(cgroupOf(c), `/system.slice/${c.id}.scope`);
});

t.test("what is not slice:prefix:name is refused", systemd, async (t) => {
  const c = sleeper(t);
  for (const path of ["/tests/web", "system.slice:web"]) {
    c.configure((config) => (config.linux.cgroupsPath = path));
    t.match(systemdCreate(c), {
      status: 1,
      stderr: 'expected cgroupsPath to be of format \\"slice:prefix:name\\"',
    });
  }
  c.configure((config) => (config.linux.cgroupsPath = `a--b.slice:x:${c.id}`));
  t.match(systemdCreate(c), { status: 1, stderr: "invalid slice name: a--b.slice" });
});

t.test("the limits are properties of the unit, and in the files", systemd, async (t) => {
  const c = sleeper(t, limits);
  expectCreated(t, c);
  t.match(show(unitOf(c)), {
    MemoryMax: String(64 << 20),
    MemoryLow: String(32 << 20),
    MemoryHigh: "50331648",
    MemorySwapMax: String(32 << 20),
    TasksMax: "77",
    CPUWeight: "174",
    CPUQuotaPerSecUSec: "250ms",
    CPUQuotaPeriodUSec: "200ms",
  });
  t.equal(file(c, "memory.max"), String(64 << 20));
  t.equal(file(c, "memory.high"), "50331648");
  t.equal(file(c, "cpu.max"), "50000 200000");
  t.equal(file(c, "cpu.weight"), "174");
  t.equal(file(c, "pids.max"), "77");
});

t.test("limits that systemd has no property for are in the files", systemd, async (t) => {
  const c = sleeper(t, (config) => {
    config.linux.resources = {
      cpu: { quota: 50_000, period: 100_000, burst: 10_000 },
      unified: { "memory.oom.group": "1", "cgroup.max.depth": "5" },
    };
  });
  expectCreated(t, c);
  t.equal(file(c, "cpu.max.burst"), "10000");
  t.equal(file(c, "memory.oom.group"), "1");
  t.equal(file(c, "cgroup.max.depth"), "5");
});

t.test("limits outlive a reload of systemd", systemd, async (t) => {
  const c = sleeper(t, limits);
  expectCreated(t, c);
  t.equal(spawnSync("systemctl", ["daemon-reload"]).status, 0);
  t.equal(file(c, "memory.max"), String(64 << 20));
  t.equal(file(c, "cpu.max"), "50000 200000");
  t.equal(file(c, "pids.max"), "77");
});

t.test("devices are denied as config.json says", systemd, async (t) => {
  const c = sleeper(t, (config) => {
    config.linux.resources = { devices: [{ allow: false, access: "rwm" }] };
    config.process.capabilities!.bounding!.push("CAP_MKNOD");
    config.process.capabilities!.effective!.push("CAP_MKNOD");
    config.process.capabilities!.permitted!.push("CAP_MKNOD");
    config.process.args = shell(
      "cd /dev; mknod kmsg c 1 11; head -c1 zero | wc -c; head -c1 kmsg || echo denied",
    );
  });
  const { status, stdout } = c.call(["--systemd-cgroup", "run", "--bundle", c.bundle, c.id]);
  t.match({ status, stdout }, { status: 0, stdout: "1\ndenied\n" });
});

t.test("its cgroup namespace begins at the scope", systemd, async (t) => {
  const c = sleeper(t, (config) => {
    config.linux.namespaces.push({ type: "cgroup" });
    config.process.args = ["cat", "/proc/self/cgroup"];
  });
  const { stdout } = c.call(["--systemd-cgroup", "run", "--bundle", c.bundle, c.id]);
  t.equal(stdout, "0::/\n");
});

t.test("a user namespace, and its root as owner of the cgroup", systemd, async (t) => {
  const c = sleeper(t, (config) => {
    config.linux.namespaces.push({ type: "user" }, { type: "cgroup" });
    config.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 1000 }];
    config.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 1000 }];
    config.mounts.push({ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" });
    config.process.args = shell("mkdir /sys/fs/cgroup/own && cat /proc/self/cgroup");
  });
  chmodSync(scratch, 0o711);
  const { status, stdout, stderr } = c.call([
    "--systemd-cgroup",
    "run",
    "--bundle",
    c.bundle,
    c.id,
  ]);
  t.match({ status, stdout, stderr }, { status: 0, stdout: "0::/\n", stderr: "" });
  t.notOk(existsSync(join(mount, "system.slice", unitOf(c))), "its cgroups are gone");
});

t.test("annotations set properties", systemd, async (t) => {
  const c = sleeper(t, (config) => {
    config.annotations = {
      "org.systemd.property.TimeoutStopSec": "7",
      "org.systemd.property.CollectMode": "'inactive-or-failed'",
      "org.systemd.property.MemoryMax": "uint64 33554432",
      "org.systemd.property.RuntimeMaxUSec": "uint64 3600000000",
      other: "value",
    };
  });
  expectCreated(t, c);
  t.match(show(unitOf(c)), {
    TimeoutStopUSec: "7s",
    CollectMode: "inactive-or-failed",
    MemoryMax: "33554432",
    RuntimeMaxUSec: "1h",
  });
});

t.test("an annotation that is no property is an error that names it", systemd, async (t) => {
  const c = sleeper(t);
  const annotated = (key: string, value: string) => {
    c.configure((config) => (config.annotations = { [key]: value }));
    return systemdCreate(c);
  };
  t.match(annotated("org.systemd.property.MemoryMax", "'"), {
    status: 1,
    stderr: "org.systemd.property.MemoryMax",
  });
  t.match(annotated("org.systemd.property.X1", "1"), {
    status: 1,
    stderr: "org.systemd.property.X1",
  });
  t.match(annotated("org.systemd.property.NoSuchThing", "1"), { status: 1, stderr: "NoSuchThing" });
});

t.test("kill and delete know the driver; delete takes the unit away", systemd, async (t) => {
  const c = sleeper(t);
  expectCreated(t, c);
  t.match(c.start(), { status: 0 });
  const unit = unitOf(c);
  t.match(c.kill("KILL"), { status: 0 });
  t.ok(c.waitFor("stopped"));
  t.match(c.delete(), { status: 0, stdout: "", stderr: "" });
  t.equal(show(unit)["LoadState"], "not-found");
});

t.test("delete --force of a running container", systemd, async (t) => {
  const c = sleeper(t);
  expectCreated(t, c);
  c.start();
  const unit = unitOf(c);
  t.match(c.delete("--force"), { status: 0, stderr: "" });
  t.equal(show(unit)["LoadState"], "not-found");
});

t.test(
  "update changes the properties and the files, and a reload keeps both",
  systemd,
  async (t) => {
    const c = sleeper(t, limits);
    expectCreated(t, c);
    const flags = ["--memory", String(128 << 20), "--memory-swap", String(160 << 20)];
    const update = (...words: string[]) => c.call(["update", ...words, c.id]);
    t.match(update(...flags, "--pids-limit", "99", "--cpu-quota", "33333", "--cpu-burst", "1000"), {
      status: 0,
      stderr: "",
    });
    t.match(show(unitOf(c)), {
      MemoryMax: String(128 << 20),
      MemorySwapMax: String(32 << 20),
      TasksMax: "99",
      CPUQuotaPerSecUSec: "170ms",
    });
    t.equal(file(c, "cpu.max"), "34000 200000", "as systemd rounds it");
    t.equal(file(c, "cpu.max.burst"), "1000");
    t.match(update("--memory-reservation", String(16 << 20)), { status: 0, stderr: "" });
    t.equal(spawnSync("systemctl", ["daemon-reload"]).status, 0);
    t.equal(file(c, "memory.max"), String(128 << 20));
    t.equal(file(c, "memory.low"), String(16 << 20));
    t.equal(file(c, "pids.max"), "99");
  },
);

t.test("what an update cannot do leaves the properties as they were", systemd, async (t) => {
  const c = sleeper(t, limits);
  expectCreated(t, c);
  const unified = { "memory.high": "40000000", "pids.max": "nonsense" };
  const { status } = c.call(["update", "--resources", "-", c.id], {
    input: JSON.stringify({ unified }),
  });
  t.equal(status, 1);
  t.match(show(unitOf(c)), { MemoryHigh: "50331648", TasksMax: "77" });
  t.equal(file(c, "memory.high"), "50331648");
});

t.test("an idle container, and one that is idle no more", systemd, async (t) => {
  const c = sleeper(t);
  expectCreated(t, c);
  const update = (...words: string[]) => c.call(["update", ...words, c.id]);
  const { stderr } = update("--cpu-share", "200", "--cpu-idle", "1");
  t.match(stderr, "unable to apply both");
  t.equal(file(c, "cpu.idle"), "1");
  t.match(update("--cpu-share", "200"), { status: 0, stderr: "" });
  t.equal(file(c, "cpu.idle"), "0");
  update("--cpu-idle", "1");
  t.match(update("--cpu-idle", "0"), { status: 0, stderr: "" });
  t.equal(spawnSync("systemctl", ["daemon-reload"]).status, 0);
  t.equal(file(c, "cpu.idle"), "0");
});

t.test("a foreground run leaves no unit behind", systemd, async (t) => {
  const c = sleeper(t, (config) => (config.process.args = ["true"]));
  const args = ["--systemd-cgroup", "run", "--bundle", c.bundle, c.id];
  t.match(c.call(args), { status: 0, stderr: "" });
  t.equal(show(unitOf(c))["LoadState"], "not-found");
});

t.test("delete clears a unit that failed", systemd, async (t) => {
  const c = sleeper(
    t,
    (config) => (config.annotations = { "org.systemd.property.RuntimeMaxUSec": "uint64 500000" }),
  );
  expectCreated(t, c);
  const unit = unitOf(c);
  t.ok(
    until(() => show(unit)["ActiveState"] === "failed", 20_000),
    "systemd ended it",
  );
  t.match(c.delete("--force"), { status: 0, stderr: "" });
  t.equal(show(unit)["LoadState"], "not-found");
});

t.test("a failed unit of the same name is no obstacle", systemd, async (t) => {
  const c = sleeper(t);
  const unit = unitOf(c);
  spawnSync("systemd-run", ["--scope", `--unit=${unit}`, "-p", "RuntimeMaxSec=1", "sleep", "60"]);
  t.ok(
    until(() => show(unit)["ActiveState"] === "failed", 20_000),
    "there is one",
  );
  expectCreated(t, c);
});

t.test("a unit of that name that is in use is left alone", systemd, async (t) => {
  const c = sleeper(t);
  const unit = unitOf(c);
  const other = spawn("systemd-run", ["--scope", `--unit=${unit}`, "sleep", "60"]);
  t.teardown(() => other.kill());
  t.ok(until(() => show(unit)["ActiveState"] === "active"));
  const { status, stderr } = systemdCreate(c);
  t.equal(status, 1);
  t.match(stderr, /cgroup is not empty|already (loaded|exists)/);
  c.delete("--force");
  t.equal(show(unit)["ActiveState"], "active");
});

t.test("a create that fails later leaves no unit behind", systemd, async (t) => {
  const c = sleeper(t, (config) => (config.process.args = ["no-such-program"]));
  t.equal(systemdCreate(c).status, 1);
  t.equal(show(unitOf(c))["LoadState"], "not-found");
});

t.test(
  "delete --force clears a create that was killed",
  { skip: systemd.skip || onlyTsrun("clearing what has no state yet") },
  async (t) => {
    const c = sleeper(t, (config, { bundle }) => {
      const args = ["sh", "-c", `touch ${bundle}/hook; sleep 60`];
      config.hooks = { createRuntime: [{ path: "/bin/sh", args }] };
    });
    const flags = ["--root", c.root, "--systemd-cgroup", "create", "--bundle", c.bundle, c.id];
    const creating = spawn(runtime, flags, { stdio: "ignore" });
    t.ok(
      until(() => existsSync(join(c.bundle, "hook"))),
      "it got to its hook",
    );
    t.equal(show(unitOf(c))["ActiveState"], "active");
    creating.kill("SIGKILL");
    t.match(c.delete("--force"), { status: 0 });
    t.equal(show(unitOf(c))["LoadState"], "not-found");
  },
);

t.test(
  "delete --force clears a container whose state is damaged",
  { skip: systemd.skip || onlyTsrun("reading config.json then") },
  async (t) => {
    const c = sleeper(t, (config, { id }) => (config.linux.cgroupsPath = `tests.slice:pre:${id}`));
    expectCreated(t, c);
    const unit = `pre-${c.id}.scope`;
    t.equal(show(unit)["ActiveState"], "active");
    writeFileSync(join(c.root, c.id, "state.json"), "{");
    t.match(c.delete("--force"), { status: 0 });
    t.ok(until(() => show(unit)["LoadState"] === "not-found"));
  },
);

t.test("hooks of the container run in its scope", systemd, async (t) => {
  const c = sleeper(t, (config, { bundle }) => {
    const hook = (name: string) => [
      { path: "/bin/sh", args: ["sh", "-c", `cat /proc/self/cgroup > ${bundle}/${name}`] },
    ];
    config.hooks = { createContainer: hook("created") };
  });
  expectCreated(t, c);
  t.equal(readFileSync(join(c.bundle, "created"), "utf8"), `0::${cgroupOf(c)}\n`);
});

t.test(
  "without a system bus root talks to systemd itself",
  { skip: systemd.skip || onlyTsrun("this way") },
  async (t) => {
    const c = sleeper(t);
    const env = { PATH: process.env.PATH!, DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/nonexistent" };
    const args = ["--systemd-cgroup", "create", "--bundle", c.bundle, c.id];
    const output = { stdout: `${c.bundle}/out`, stderr: `${c.bundle}/err` };
    t.match(c.call(args, { env, output }), { status: 0, stderr: "" });
    t.equal(cgroupOf(c), `/system.slice/runc-${c.id}.scope`);
    t.match(c.call(["delete", "--force", c.id], { env }), { status: 0, stderr: "" });
    t.equal(show(unitOf(c))["LoadState"], "not-found");
  },
);

t.test(
  "every property is as runc sets it",
  {
    skip: systemd.skip || onlyTsrun("the comparison") || (findProgram("runc") ? false : "no runc"),
  },
  async (t) => {
    for (const edit of [() => {}, limits, ruled]) {
      const c = sleeper(t, edit);
      expectCreated(t, c);
      const ours = comparable(unitOf(c));
      t.match(c.delete("--force"), { status: 0 });
      const args = ["--root", `${c.root}-runc`, "--systemd-cgroup"];
      const runc = (...words: string[]) =>
        execute(findProgram("runc")!, [...args, ...words], {
          output: { stdout: `${c.bundle}/runc.out`, stderr: `${c.bundle}/runc.err` },
        });
      t.match(runc("create", "--bundle", c.bundle, c.id), { status: 0 });
      const theirs = comparable(unitOf(c));
      runc("delete", "--force", c.id);
      t.strictSame(ours, theirs);
    }
  },
);

t.test(
  "on a host without systemd it says so",
  { skip: systemd.skip === false && "systemd is here" },
  async (t) => {
    const c = sleeper(t);
    const { status, stderr } = systemdCreate(c);
    t.equal(status, 1);
    t.match(stderr, "systemd support for managing cgroups is not available");
    t.match(c.delete(), { status: 1, stderr: "does not exist" }, "nothing was made");
  },
);

function sleeper(test: Test, edit: (config: Config, c: Container) => unknown = () => {}) {
  const c = prepare(test);
  c.configure((config) => {
    config.process.args = ["sleep", "300"];
    edit(config, c);
  });
  return c;
}

function limits(config: Config): void {
  config.linux.resources = {
    memory: { limit: 64 << 20, reservation: 32 << 20, swap: 96 << 20 },
    cpu: { shares: 2048, quota: 50_000, period: 200_000 },
    pids: { limit: 77 },
    unified: { "memory.high": "50331648" },
  };
}

function ruled(config: Config): void {
  config.linux.resources = {
    devices: [
      { allow: false, access: "rwm" },
      { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
      { allow: true, type: "b", major: 7, access: "rwm" },
    ],
    cpu: { quota: 12_345, period: 100_000 },
    memory: { limit: -1 },
    pids: { limit: -1 },
  };
}

function systemdCreate(c: Container) {
  return c.call(["--systemd-cgroup", "create", "--bundle", c.bundle, c.id], {
    output: { stdout: `${c.bundle}/stdout`, stderr: `${c.bundle}/stderr` },
  });
}

function expectCreated(t: Test, c: Container): void {
  t.match(systemdCreate(c), { status: 0, stdout: "", stderr: "" });
}

function cgroupOf(c: Container): string {
  return readFileSync(`/proc/${c.state().pid}/cgroup`, "utf8").trim().slice("0::".length);
}

/** The scope of a container without a cgroupsPath. */
function unitOf(c: Container): string {
  return `runc-${c.id}.scope`;
}

function processesIn(place: string): number[] {
  return readFileSync(`${mount}${place}/cgroup.procs`, "utf8").trim().split("\n").map(Number);
}

function file(c: Container, name: string): string {
  return readFileSync(`${mount}/system.slice/${unitOf(c)}/${name}`, "utf8").trim();
}

/** What systemctl says of a unit. */
function show(unit: string): Record<string, string> {
  return Object.fromEntries(showLines(unit));
}

function showLines(unit: string): [string, string][] {
  const { stdout } = spawnSync("systemctl", ["show", unit], { encoding: "utf8" });
  return stdout
    .trim()
    .split("\n")
    .map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    });
}

/** Of the moment, and where the properties are kept: runc sets them in two steps. */
const momentary =
  /Timestamp|^(InvocationID|DropInPaths|ControlGroupId|.*Current|.*Peak|.*Available|CPUUsageNSec|IO.*(Bytes|Operations))$/;

function comparable(unit: string): string[] {
  return showLines(unit)
    .filter(([name]) => !momentary.test(name))
    .map(([name, value]) => `${name}=${value}`)
    .toSorted();
}
