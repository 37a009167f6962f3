import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawn } from "node:child_process";
import t, { type Test } from "tap";
import type { Config } from "./support/bundle.ts";
import { prepare, shell, type Container } from "./support/container.ts";
import { blockDevice, requires } from "./support/host.ts";
import { isAlive } from "./support/process.ts";
import { cgroupsNamed } from "./support/remains.ts";
import { kind, notWith, onlyTsrun } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.setTimeout(300_000);

const unified = { skip: requires("unified-cgroup") };
const needs = (...controllers: ("memory" | "cpu" | "pids" | "io")[]) => ({
  skip: requires("unified-cgroup", ...controllers),
});
const mount = "/sys/fs/cgroup";

t.test("the cgroup is where an absolute cgroupsPath says", unified, async (t) => {
  const c = sleeper(t);
  c.create();
  t.strictSame(cgroupOf(c), `/tests/${c.id}`);
  t.strictSame(processesIn(directoryOf(c)), [c.state().pid]);
});

t.test(
  "a relative cgroupsPath and none at all give cgroups of the container's own",
  unified,
  async (t) => {
    const relative = sleeper(t, (config, { id }) => (config.linux.cgroupsPath = `some/${id}`));
    relative.create();
    t.match(cgroupOf(relative), new RegExp(`/some/${relative.id}$`));
    t.match(relative.delete("--force"), { status: 0 });
    t.strictSame(cgroupsNamed(relative.id), []);
    for (const path of [undefined, ""]) {
      const c = sleeper(t, (config) => (config.linux.cgroupsPath = path));
      c.create();
      t.match(cgroupOf(c), new RegExp(`/${c.id}$`));
      t.match(c.delete("--force"), { status: 0 });
      t.strictSame(cgroupsNamed(c.id), []);
    }
  },
);

t.test("a cgroupsPath cannot lead out of the tree", unified, async (t) => {
  const c = sleeper(t, (config, { id }) => (config.linux.cgroupsPath = `/../../../tests/${id}`));
  t.match(c.create(), { status: 0 });
  t.equal(cgroupOf(c), `/tests/${c.id}`);
});

t.test("the process is born in its cgroup", unified, async (t) => {
  const c = sleeper(t, (config) => (config.process.args = ["cat", "/proc/self/cgroup"]));
  t.equal(c.run().stdout, `0::/tests/${c.id}\n`);
  c.configure((config) => {
    config.linux.namespaces.push({ type: "cgroup" });
    config.process.args = shell("cat /proc/self/cgroup");
  });
  t.match(c.run().stdout, /0::\/\n$/, "which is the root of its cgroup namespace");
});

t.test("memory limits", needs("memory"), async (t) => {
  const c = sleeper(t, (config) => {
    config.linux.resources = {
      memory: { limit: 64 << 20, reservation: 32 << 20, swap: 96 << 20 },
    };
  });
  expectCreated(t, c);
  t.equal(file(c, "memory.max"), String(64 << 20));
  t.equal(file(c, "memory.low"), String(32 << 20));
  if (existsSync(join(directoryOf(c), "memory.swap.max"))) {
    t.equal(file(c, "memory.swap.max"), String(32 << 20), "swap alone, without memory");
  }
});

t.test("a process over its memory limit is killed", needs("memory"), async (t) => {
  const c = sleeper(t, (config) => {
    config.process.args = shell("head -c 40000000 /dev/zero | tail -c 40000000 | wc -c");
  });
  const output = { stdout: `${c.bundle}/limited`, stderr: `${c.bundle}/errors` };
  t.equal(c.run().stdout, "40000000\n", "without a limit it comes to its end");
  c.configure((config) => {
    config.linux.resources = { memory: { limit: 16 << 20, swap: 16 << 20 } };
  });
  t.match(c.run([], { output }).stdout, /^0$/m);
});

t.test("cpu limits", needs("cpu"), async (t) => {
  const c = sleeper(t, (config) => {
    config.linux.resources = { cpu: { shares: 1024, quota: 50_000, period: 200_000, idle: 0 } };
  });
  expectCreated(t, c);
  t.equal(file(c, "cpu.max"), "50000 200000");
  t.match(file(c, "cpu.weight"), /^(39|100)$/, "1024 shares by either conversion");
});

t.test("a quota of -1 is no limit", needs("cpu"), async (t) => {
  const c = sleeper(t, (config) => {
    config.linux.resources = { cpu: { quota: -1, period: 100_000 } };
  });
  expectCreated(t, c);
  t.equal(file(c, "cpu.max"), "max 100000");
});

t.test("the number of processes is limited", needs("pids"), async (t) => {
  const c = sleeper(t, (config) => {
    config.linux.resources = { pids: { limit: 3 } };
    config.process.args = shell("sleep 2 & sleep 2 & sleep 2 & sleep 2 & wait; echo all");
  });
  expectCreated(t, c);
  t.equal(file(c, "pids.max"), "3");
  c.start();
  c.waitFor("stopped");
  t.notMatch(c.stdout(), "all");
  const unlimited = sleeper(t, (config) => (config.linux.resources = { pids: { limit: -1 } }));
  expectCreated(t, unlimited);
  t.equal(file(unlimited, "pids.max"), "max");
});

const device = blockDevice();
const io = {
  skip: requires("unified-cgroup", "io") || (device === null && "needs a block device"),
};

t.test("block io rates", io, async (t) => {
  const [major, minor] = device!;
  const c = sleeper(t, (config) => {
    config.linux.resources = {
      blockIO: {
        throttleReadBpsDevice: [{ major, minor, rate: 1_048_576 }],
        throttleWriteIOPSDevice: [{ major, minor, rate: 200 }],
      },
    };
  });
  expectCreated(t, c);
  t.match(
    file(c, "io.max"),
    new RegExp(`^${major}:${minor} rbps=1048576 wbps=max riops=max wiops=200`),
  );
});

t.test("unified values are written as they are", needs("memory", "pids"), async (t) => {
  const c = sleeper(t, (config) => {
    config.linux.resources = {
      unified: { "memory.high": "50331648", "pids.max": "77", "cgroup.max.depth": "5" },
    };
  });
  expectCreated(t, c);
  t.equal(file(c, "memory.high"), "50331648");
  t.equal(file(c, "pids.max"), "77");
  t.equal(file(c, "cgroup.max.depth"), "5");
});

t.test("a unified value that the kernel does not know fails by name", unified, async (t) => {
  const values: Record<string, string>[] = [
    { "memory.frobnicate": "1" },
    { "frob.max": "1" },
    { "pids.max": "many" },
  ];
  for (const unified of values) {
    const c = sleeper(t, (config) => (config.linux.resources = { unified }));
    const { status, stderr } = c.create();
    t.equal(status, 1);
    t.match(stderr, Object.keys(unified)[0]!);
    t.strictSame(cgroupsNamed(c.id), [], "and nothing is left");
    t.notOk(existsSync(join(c.root, c.id)));
  }
});

t.test("device rules allow and deny", unified, async (t) => {
  const c = sleeper(t, (config) => {
    config.linux.resources = {
      devices: [
        { allow: false, access: "rwm" },
        { allow: true, type: "c", major: 1, minor: 7, access: "r" },
      ],
    };
    config.linux.devices = [{ path: "/dev/kmsg", type: "c", major: 1, minor: 11 }];
    config.process.capabilities!.bounding!.push("CAP_MKNOD");
    config.process.capabilities!.permitted!.push("CAP_MKNOD");
    config.process.capabilities!.effective!.push("CAP_MKNOD");
    config.process.args = shell(
      [
        "echo x > /dev/null && echo null writes", // allowed by every runtime
        "head -c 1 /dev/zero > /dev/null && echo zero reads",
        "mknod /tmp/zero c 1 5 && echo zero is made",
        "head -c 1 /dev/kmsg > /dev/null 2>&1 || echo kmsg is denied",
        "mknod /tmp/mem c 1 1 2>/dev/null && head -c 1 /tmp/mem >/dev/null 2>&1 || echo mem is denied",
        "mknod /tmp/loop b 7 0 2>/dev/null && head -c 1 /tmp/loop >/dev/null 2>&1 || echo loop is denied",
      ].join("; "),
    );
  });
  const { stdout } = c.run();
  t.match(
    stdout,
    /null writes\nzero reads\nzero is made\nkmsg is denied\nmem is denied\nloop is denied\n/,
  );
});

t.test("a device that is allowed to be read alone is not written", unified, async (t) => {
  const c = sleeper(t, (config) => {
    config.linux.resources = {
      devices: [
        { allow: false, access: "rwm" },
        { allow: true, type: "c", major: 1, minor: 11, access: "r" },
      ],
    };
    config.linux.devices = [{ path: "/dev/kmsg", type: "c", major: 1, minor: 11, fileMode: 0o666 }];
    config.process.args = shell(
      "(: < /dev/kmsg) && echo reads; (: > /dev/kmsg) 2>/dev/null || echo does not write",
    );
  });
  t.equal(c.run().stdout, "reads\ndoes not write\n");
});

t.test("KILL without a pid namespace of its own reaches all processes", unified, async (t) => {
  const c = sleeper(t, (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    config.process.args = shell("sleep 1000 & sh -c 'sleep 1000 & sleep 1000' & wait");
  });
  c.create();
  c.start();
  until(() => processesIn(directoryOf(c)).length === 4);
  const pids = processesIn(directoryOf(c));
  t.equal(pids.length, 4);
  t.match(c.kill("KILL"), { status: 0, stderr: "" });
  t.ok(
    until(() => pids.every((pid) => !isAlive(pid))),
    "all have ended",
  );
  t.match(c.delete(), { status: 0, stderr: "" });
});

t.test("delete ends the processes that init left behind", unified, async (t) => {
  const c = sleeper(t, (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    config.process.args = shell("sleep 1000 & exit 0");
  });
  c.create();
  c.start();
  t.ok(c.waitFor("stopped"));
  const [pid] = processesIn(directoryOf(c));
  t.ok(isAlive(pid!));
  t.match(c.delete(), { status: 0, stderr: "" });
  t.ok(until(() => !isAlive(pid!)));
  t.strictSame(cgroupsNamed(c.id), []);
});

t.test("cgroups that the container made below its own are removed with it", unified, async (t) => {
  const c = sleeper(t);
  c.create();
  const deep = join(directoryOf(c), "a/b/c");
  mkdirSync(deep, { recursive: true });
  mkdirSync(join(directoryOf(c), "d"));
  c.start();
  t.match(c.delete("--force"), { status: 0, stderr: "" });
  t.strictSame(cgroupsNamed(c.id), []);
});

t.test("a frozen container is paused and can be deleted", unified, async (t) => {
  const c = sleeper(t);
  c.create();
  c.start();
  writeFileSync(join(directoryOf(c), "cgroup.freeze"), "1");
  t.ok(c.waitFor("paused"));
  t.match(c.delete("--force"), { status: 0 });
  t.strictSame(cgroupsNamed(c.id), []);
});

t.test("a cgroup with processes is refused and left alone", unified, async (t) => {
  const c = sleeper(t);
  const directory = directoryOf(c);
  mkdirSync(directory, { recursive: true });
  const stranger = spawn("sleep", ["100"], { stdio: "ignore" });
  stranger.unref();
  t.teardown(() => stranger.kill("SIGKILL"));
  writeFileSync(join(directory, "cgroup.procs"), String(stranger.pid));
  const { status, stderr } = c.create();
  t.equal(status, 1);
  if (kind !== "crun") t.match(stderr, "container's cgroup is not empty");
  t.ok(isAlive(stranger.pid!), "the stranger lives");
  c.delete("--force");
  t.ok(isAlive(stranger.pid!), "also after delete --force");
  t.strictSame(processesIn(directory), [stranger.pid]);
});

t.test("an empty cgroup that is there is used, and removed at the end", unified, async (t) => {
  const c = sleeper(t);
  mkdirSync(directoryOf(c), { recursive: true });
  expectCreated(t, c);
  t.match(c.delete("--force"), { status: 0 });
  t.strictSame(cgroupsNamed(c.id), []);
});

t.test(
  "two containers in one cgroup are refused",
  { skip: requires("unified-cgroup") || notWith("crun", "allows it") },
  async (t) => {
    const first = sleeper(t);
    expectCreated(t, first);
    const second = sleeper(t, (config) => (config.linux.cgroupsPath = `/tests/${first.id}`));
    t.match(second.create(), { status: 1, stderr: /container's cgroup is not empty/ });
    t.equal(first.status(), "created");
  },
);

t.test(
  "a limit that cannot be set names its field and leaves nothing",
  { skip: requires("unified-cgroup") || onlyTsrun("naming the field") },
  async (t) => {
    const c = sleeper(t, (config) => (config.linux.resources = { memory: { limit: 1024 } }));
    c.configure(
      (config) => (config.linux.resources = { hugepageLimits: [{ pageSize: "3MB", limit: 1n }] }),
    );
    const { status, stderr } = c.create();
    t.equal(status, 1);
    t.match(stderr, "linux.resources.hugepageLimits");
    t.strictSame(cgroupsNamed(c.id), []);
  },
);

t.test("a failing create removes the cgroup it made", unified, async (t) => {
  const c = sleeper(t, (config) => (config.process.args = ["/bin/absent"]));
  t.equal(c.create().status, 1);
  t.strictSame(cgroupsNamed(c.id), []);
});

t.test("a cgroup mount shows the container's own cgroup", unified, async (t) => {
  const c = sleeper(t, (config) => {
    config.mounts.push({
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: ["ro", "nosuid"],
    });
    config.linux.namespaces.push({ type: "cgroup" });
    config.process.args = shell("cat /sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/x 2>&1");
  });
  const { stdout } = c.run();
  t.match(stdout, /^1\n/);
  t.match(stdout, "Read-only file system");
});

type Edit = (config: Config, container: { id: string }) => unknown;

function sleeper(t: Test, edit: Edit = () => {}): Container {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "1000"]));
  c.configure((config) => {
    config.linux.cgroupsPath = `/tests/${c.id}`;
    edit(config, c);
  });
  return c;
}

function expectCreated(t: Test, c: Container): void {
  const { status } = c.create();
  t.equal(status, 0, c.stderr());
}

function directoryOf({ id }: Container): string {
  return join(mount, "tests", id);
}

function cgroupOf(c: Container): string {
  return readFileSync(`/proc/${c.state().pid}/cgroup`, "utf8").trim().replace("0::", "");
}

function processesIn(directory: string): number[] {
  const words = readFileSync(join(directory, "cgroup.procs"), "utf8").split("\n");
  return words.filter((word) => word !== "").map(Number);
}

function file(c: Container, name: string): string {
  return readFileSync(join(directoryOf(c), name), "utf8").trim();
}
