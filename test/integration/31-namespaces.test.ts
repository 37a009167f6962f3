import { chmodSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { namespaces as namespaceFlags } from "../../src/spec/tables.ts";
import type { NamespaceType } from "../../src/spec/types.ts";
import { prepare, root, shell, type Config, type Container } from "./support/container.ts";
import { execute, kind, runcBefore, scratch } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

const types = Object.keys(namespaceFlags) as NamespaceType[];
/** Those that need nothing else in the config. */
const simple = ["cgroup", "ipc", "mount", "network", "pid", "uts"] as const;
const files: Record<NamespaceType, string> = {
  cgroup: "cgroup",
  ipc: "ipc",
  mount: "mnt",
  network: "net",
  pid: "pid",
  time: "time",
  user: "user",
  uts: "uts",
};

t.test("each kind of namespace is made when it is listed, and only then", async (t) => {
  const all = prepare(t, (config) => setNamespaces(config, simple));
  const few = prepare(t, (config) => {
    setNamespaces(config, ["mount"]);
    Reflect.deleteProperty(config, "hostname");
    config.mounts = config.mounts.filter(({ type }) => type !== "sysfs" && type !== "mqueue");
  });
  t.match(all.create(), { status: 0 }, all.stderr());
  t.match(few.create(), { status: 0 }, few.stderr());
  for (const type of types) {
    const own = readlinkSync(`/proc/self/ns/${files[type]}`);
    const inAll = namespaceOf(all, type);
    const inFew = namespaceOf(few, type);
    if (isSimple(type)) t.not(inAll, own, `${type} is new`);
    else t.equal(inAll, own, `${type} is inherited`);
    if (type === "mount") t.not(inFew, own);
    else t.equal(inFew, own, `${type} is inherited`);
  }
});

t.test("the first process is 1 in a new pid namespace", async (t) => {
  const c = prepare(t, (config) => (config.process.args = shell("echo $$; ls /proc | head -n 1")));
  t.match(c.run(), { status: 0, stdout: "1\n1\n" });
});

t.test("without a pid namespace it has the pid that state shows", async (t) => {
  const c = prepare(t, (config) => {
    setNamespaces(config, ["mount", "uts", "ipc", "network"]);
    config.process.args = shell("echo $$; sleep 100");
  });
  c.create();
  c.start();
  c.waitFor("running");
  t.ok(until(() => c.stdout() !== ""));
  t.equal(Number(c.stdout()), c.state().pid);
});

t.test("each kind of namespace can be joined by a path", async (t) => {
  const first = prepare(t, (config) => setNamespaces(config, simple));
  t.match(first.create(), { status: 0 }, first.stderr());
  const { pid } = first.state();
  for (const type of simple.filter((name) => name !== "mount")) {
    const c = prepare(t, (config) => {
      setNamespaces(config, simple);
      joinNamespace(config, type, `/proc/${pid}/ns/${files[type]}`);
      if (type === "uts") Reflect.deleteProperty(config, "hostname");
    });
    t.match(c.create(), { status: 0 }, `${type}: ${c.stderr()}`);
    for (const other of simple) {
      const same = namespaceOf(c, other) === namespaceOf(first, other);
      t.equal(same, other === type, `${other} when ${type} is joined`);
    }
    c.delete("--force");
  }
});

t.test("a mount namespace that is joined gets the container's mounts and root", async (t) => {
  const script = "unshare --mount sh -c 'mount -t tmpfs tmpfs /mnt; echo ready; exec sleep 100' &";
  const file = join(scratch, "mount-namespace");
  const started = execute("/bin/sh", ["-c", `${script} echo $!`], {
    output: { stdout: file, stderr: file },
  });
  t.equal(started.status, 0);
  t.ok(until(() => /^ready$/m.test(readFileSync(file, "utf8"))));
  const pid = Number(/^\d+$/m.exec(readFileSync(file, "utf8"))?.[0]);
  t.teardown(() => process.kill(pid, "SIGKILL"));
  const c = prepare(t, (config) => {
    joinNamespace(config, "mount", `/proc/${pid}/ns/mnt`);
    config.process.args = shell("ls /; sleep 100");
  });
  t.match(c.create(), { status: 0 }, c.stderr());
  t.equal(namespaceOf(c, "mount"), readlinkSync(`/proc/${pid}/ns/mnt`));
  t.match(c.start(), { status: 0 });
  t.ok(until(() => c.stdout().includes("tmp\n")));
  t.notMatch(c.stdout(), "mnt");
});

t.test("all namespaces of another container can be joined together", async (t) => {
  const first = prepare(t, (config) => setNamespaces(config, simple));
  t.match(first.create(), { status: 0 }, first.stderr());
  const { pid } = first.state();
  const wanted = ["ipc", "network", "pid", "uts", "cgroup"] as const;
  const c = prepare(t, (config) => {
    setNamespaces(config, simple);
    for (const type of wanted) joinNamespace(config, type, `/proc/${pid}/ns/${files[type]}`);
    Reflect.deleteProperty(config, "hostname");
    config.process.args = ["hostname"];
  });
  t.match(c.create(), { status: 0 }, c.stderr());
  for (const type of wanted) t.equal(namespaceOf(c, type), namespaceOf(first, type), type);
  t.match(c.start(), { status: 0, stderr: "" });
  t.ok(c.waitFor("stopped"));
  t.equal(c.stdout(), "test\n");
});

const noMaps = runcBefore("1.2", "wants mappings also for a user namespace that is joined");
t.test("a user namespace with its others can be joined", { skip: noMaps }, async (t) => {
  chmodSync(scratch, 0o711);
  const maps = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
  const first = prepare(t, (config) => {
    setNamespaces(config, [...simple, "user"]);
    Object.assign(config.linux, { uidMappings: maps, gidMappings: maps });
  });
  t.match(first.create(), { status: 0 }, first.stderr());
  const { pid } = first.state();
  const c = prepare(t, (config) => {
    setNamespaces(config, simple);
    config.linux.namespaces.push({ type: "user", path: `/proc/${pid}/ns/user` });
    for (const type of ["network", "ipc", "uts"] as const) {
      joinNamespace(config, type, `/proc/${pid}/ns/${files[type]}`);
    }
    Reflect.deleteProperty(config, "hostname");
    config.process.args = shell("id -u; cat /proc/self/uid_map; touch /dev/shm/x && echo written");
  });
  t.match(c.create(), { status: 0 }, c.stderr());
  t.equal(namespaceOf(c, "user"), namespaceOf(first, "user"));
  t.not(namespaceOf(c, "pid"), namespaceOf(first, "pid"));
  t.match(c.start(), { status: 0 });
  t.ok(c.waitFor("stopped"));
  t.match(c.stdout(), /^0\n\s+0\s+200000\s+65536\nwritten\n$/, c.stderr());
});

t.test("a namespace of another kind is an error", async (t) => {
  for (const [type, file] of [
    ["network", "uts"],
    ["pid", "net"],
    ["mount", "ipc"],
  ] as const) {
    const c = prepare(t, (config) => joinNamespace(config, type, `/proc/self/ns/${file}`));
    const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
    t.equal(status, 1, type);
    if (kind === "tsrun") t.match(stderr, new RegExp(`${type}.*/proc/self/ns/${file}`));
    nothingLeft(t, c);
  }
});

t.test("a path that is no namespace, or nothing at all, is an error", async (t) => {
  for (const path of ["/etc/passwd", "/nowhere"]) {
    const c = prepare(t, (config) => joinNamespace(config, "network", path));
    const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
    t.equal(status, 1, path);
    if (kind !== "runc" || path === "/nowhere") t.match(stderr, path);
    nothingLeft(t, c);
  }
});

t.test("a kind that is listed twice, or not known, is an error", async (t) => {
  const twice = prepare(t, (config) => config.linux.namespaces.push({ type: "ipc" }));
  const unknown = prepare(t, (config) => {
    config.linux.namespaces.push({ type: "frobnicate" as NamespaceType });
  });
  for (const c of [twice, unknown]) {
    const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
    t.equal(status, 1);
    t.match(stderr, /ipc|frobnicate/);
    nothingLeft(t, c);
  }
});

t.test("hostname needs a uts namespace", async (t) => {
  const c = prepare(t, (config) => setNamespaces(config, ["mount", "pid", "ipc", "network"]));
  const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
  t.equal(status, 1);
  t.match(stderr, "unable to set hostname without a private UTS namespace");
});

t.test(
  "hostname and domainname are set in the container alone",
  { skip: runcBefore("1.2", "knows no domainname") },
  async (t) => {
    const c = prepare(t, (config) => {
      Object.assign(config, { hostname: "some-host", domainname: "some.domain" });
      config.process.args = shell("hostname; cat /proc/sys/kernel/domainname");
    });
    const before = readFileSync("/proc/sys/kernel/hostname", "utf8");
    t.match(c.run(), { status: 0, stdout: "some-host\nsome.domain\n" });
    t.equal(readFileSync("/proc/sys/kernel/hostname", "utf8"), before);
  },
);

t.test("a cgroup namespace is rooted at the container's cgroup", async (t) => {
  const c = prepare(t, (config) => {
    setNamespaces(config, simple);
    config.process.args = ["cat", "/proc/self/cgroup"];
  });
  const { status, stdout } = c.run();
  t.equal(status, 0);
  t.match(stdout, /^0::\/$/m);
});

t.test("without one the container sees the path of its cgroup", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["cat", "/proc/self/cgroup"]));
  const { stdout } = c.run();
  t.match(stdout, /:.*:\/./);
  t.match(stdout, c.id);
});

t.test("a new network namespace has a loopback device alone", async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = shell("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '");
  });
  t.match(c.run().stdout, /^lo$/m);
  t.equal(
    c
      .stdout()
      .split("\n")
      .filter((name) => /^(eth|en|wl)/.test(name)).length,
    0,
  );
});

t.test("namespaces that were bound to files can be joined", async (t) => {
  const c = prepare(t);
  const file = join(c.bundle, "netns");
  const made = execute("/bin/sh", [
    "-c",
    `touch ${file} && unshare --net=${file} true && readlink /proc/self/ns/net`,
  ]);
  t.equal(made.status, 0, made.stderr);
  t.teardown(() => void execute("/bin/umount", ["-l", file]));
  c.configure((config) => joinNamespace(config, "network", file));
  t.match(c.create(), { status: 0 }, c.stderr());
  const { ino } = statSync(file);
  t.equal(namespaceOf(c, "network"), `net:[${ino}]`);
});

function setNamespaces(config: Config, wanted: readonly NamespaceType[]): void {
  config.linux.namespaces = wanted.map((type) => ({ type }));
}

function joinNamespace(config: Config, type: NamespaceType, path: string): void {
  const others = config.linux.namespaces.filter((namespace) => namespace.type !== type);
  config.linux.namespaces = [...others, { type, path }];
}

function namespaceOf(c: Container, type: NamespaceType): string {
  return readlinkSync(`/proc/${c.state().pid}/ns/${files[type]}`);
}

function isSimple(type: NamespaceType): boolean {
  return (simple as readonly string[]).includes(type);
}

type Assert = { notOk(value: unknown, message: string): unknown };
function nothingLeft(t: Assert, c: Container): void {
  const there = statSync(join(root, c.id), { throwIfNoEntry: false }) !== undefined;
  t.notOk(there, "no state directory");
}
