import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare, shell, type Config, type Container } from "./support/container.ts";
import { kind, notWith, runcBefore, scratch } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

chmodSync(scratch, 0o711); // the root of a user namespace has to get through

const base = 100_000;
const map = { containerID: 0, hostID: base, size: 65_536 };

t.test("ids inside are others outside", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.process.user = { uid: 1000, gid: 1001, additionalGids: [7, 8] };
    config.process.args = shell("id -u; id -g; id -G; sleep 100");
  });
  t.match(c.create(), { status: 0 }, c.stderr());
  t.match(c.start(), { status: 0, stderr: "" });
  t.ok(written(c, "1001 7 8"));
  t.equal(c.stdout(), "1000\n1001\n1001 7 8\n");
  const status = readFileSync(`/proc/${c.state().pid}/status`, "utf8");
  t.match(status, /^Uid:(\t101000){4}$/m);
  t.match(status, /^Gid:(\t101001){4}$/m);
  t.match(status, /^Groups:\t100007 100008\s*$/m);
});

t.test("the maps are those of config.json, several lines too", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.linux.uidMappings = [
      { containerID: 0, hostID: 300_000, size: 10 },
      { containerID: 1000, hostID: 1000, size: 1 },
    ];
    config.linux.gidMappings = [{ containerID: 0, hostID: 400_000, size: 20 }];
    config.process.args = shell("cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups");
  });
  t.match(c.run(), { status: 0, stderr: "" });
  t.strictSame(
    c
      .stdout()
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s+/).join(" ")),
    ["0 300000 10", "1000 1000 1", "0 400000 20", "allow"],
  );
});

/** One id each, in steps of two, so that no line could be joined with the next. */
const lines = (count: number, first = 1000) =>
  Array.from({ length: count }, (_, index) => ({
    containerID: index * 2,
    hostID: first + index * 2,
    size: 1,
  }));

t.test("maps have as many lines as the kernel takes", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.linux.uidMappings = lines(340);
    config.linux.gidMappings = lines(340);
    config.process.user = { uid: 678, gid: 678 };
    config.mounts = config.mounts.filter(({ type }) => type !== "devpts"); // for gid 5
    config.process.args = shell("id -u; wc -l < /proc/self/uid_map; wc -l < /proc/self/gid_map");
  });
  t.match(c.run(), { status: 0, stderr: "", stdout: "678\n340\n340\n" });
});

t.test("a line more is an error, and nothing is left", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.linux.gidMappings = lines(341);
  });
  t.equal(c.create().status, 1);
  if (kind === "tsrun") t.match(c.stderr(), "has 341 entries; the kernel takes 340");
  t.equal(c.call(["state", c.id]).status, 1);
});

t.test("maps that the kernel does not take are an error that says why", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.linux.gidMappings = lines(340, 1_000_000);
  });
  t.equal(c.create().status, 1);
  if (kind === "tsrun") t.match(c.stderr(), /and the kernel takes less than a page \(4096\)/);
  t.equal(c.call(["state", c.id]).status, 1);
});

t.test("a user namespace by its path is joined, with the ids that it maps", async (t) => {
  const owner = prepare(t, (config) => {
    mapped(config);
    config.process.args = ["sleep", "100"];
  });
  t.match(owner.create(), { status: 0 });
  const { pid } = owner.state();
  const c = prepare(t, (config) => {
    config.linux.namespaces.push({ type: "user", path: `/proc/${pid}/ns/user` });
    config.process.args = shell("id -u; readlink /proc/self/ns/user; cat /proc/self/uid_map");
  });
  const { status, stdout, stderr } = c.run();
  t.match({ status, stderr }, { status: 0, stderr: "" });
  const [id, namespace, map] = stdout.trim().split("\n");
  t.equal(id, "0");
  t.equal(namespace, readlinkSync(`/proc/${pid}/ns/user`));
  t.equal(map?.trim().split(/\s+/).join(" "), `0 ${base} 65536`);
});

t.test("files belong to the mapped ids", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.process.args = shell("stat -c %u:%g /etc/passwd /own; touch /open/made");
  });
  mkdirSync(join(c.rootfs, "open"));
  chmodSync(join(c.rootfs, "open"), 0o777);
  writeFileSync(join(c.rootfs, "own"), "");
  chownSync(join(c.rootfs, "own"), base + 5, base + 6);
  t.match(c.run(), { status: 0, stderr: "", stdout: "65534:65534\n5:6\n" });
  t.match(statSync(join(c.rootfs, "open/made")), { uid: base, gid: base });
});

t.test("ids of a part of the rootfs are mapped, with what is mounted there", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.process.args = shell("stat -c %u:%g /data/own /seen/own; touch /seen/made");
  });
  const data = join(c.bundle, "data");
  for (const path of [data, join(c.rootfs, "data"), join(c.rootfs, "seen")]) mkdirSync(path);
  writeFileSync(join(data, "own"), "");
  c.configure((config) => {
    const seen = {
      source: join(c.rootfs, "data"),
      destination: "/seen",
      options: ["bind", "idmap"],
    };
    config.mounts.push({ source: data, destination: "/data", options: ["bind"] }, seen);
  });
  t.match(c.run(), { status: 0, stderr: "", stdout: "65534:65534\n0:0\n" });
  t.match(statSync(join(data, "made")), { uid: 0, gid: 0 });
});

t.test("root of the container has capabilities there and none on the host", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    const capabilities = ["CAP_SYS_ADMIN", "CAP_CHOWN", "CAP_DAC_OVERRIDE"];
    const sets = { bounding: capabilities, effective: capabilities, permitted: capabilities };
    config.process.capabilities = sets;
    config.process.args = shell(
      "mount -t tmpfs tmpfs /tmp && echo mounted; cat /secret || echo denied; hostname new && hostname",
    );
  });
  writeFileSync(join(c.rootfs, "secret"), "x", { mode: 0o600 });
  t.match(c.run().stdout, "mounted\ndenied\nnew\n");
});

t.test(
  "a bind source that the container's root cannot reach is mounted all the same",
  { skip: runcBefore("1.2", "opens sources as the container's root") },
  async (t) => {
    const c = prepare(t, mapped);
    const secret = join(c.bundle, "secret");
    mkdirSync(join(secret, "deep/sub"), { recursive: true });
    writeFileSync(join(secret, "deep/file"), "content\n");
    writeFileSync(join(secret, "deep/sub/file"), "content of sub\n");
    chmodSync(secret, 0o700);
    mkdirSync(join(c.rootfs, "data"));
    writeFileSync(join(c.rootfs, "file"), "");
    c.configure((config) => {
      config.mounts.push(
        bind(join(secret, "deep"), "/data", ["rbind", "ro"]),
        bind(join(secret, "deep/file"), "/file", ["bind"]),
      );
      config.process.args = shell("cat /data/file /data/sub/file /file; touch /data/x || echo ro");
    });
    const { status, stdout } = c.run();
    t.equal(status, 0, c.stderr());
    t.equal(stdout, "content\ncontent of sub\ncontent\nro\n");
  },
);

t.test("devices are the host's nodes, and work", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.process.args = shell(
      "echo x > /dev/null && head -c 3 /dev/zero | wc -c && stat -c '%t:%T' /dev/null /dev/tty; " +
        "ls /dev/fd /dev/ptmx > /dev/null && echo links",
    );
  });
  t.match(c.run(), { status: 0, stderr: "" });
  t.match(c.stdout(), /^3\n1:3\n5:0\nlinks\n$/);
});

t.test("a device of linux.devices is bound too", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    const device = { path: "/dev/kmsg", type: "c", major: 1, minor: 11, fileMode: 0o666 } as const;
    config.linux.devices = [device];
    config.process.args = ["stat", "-c", "%F %t:%T", "/dev/kmsg"];
  });
  t.match(c.run(), { status: 0, stdout: "character special file 1:b\n" });
});

t.test("sysctls of the container's namespaces are set", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.linux.sysctl = { "net.ipv4.ip_forward": "1", "kernel.shmmni": "100" };
    config.process.args = ["cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/shmmni"];
  });
  t.match(c.run(), { status: 0, stdout: "1\n100\n" }, c.stderr());
});

t.test("mounts of the container belong to its root", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.mounts.push({
      destination: "/own",
      type: "tmpfs",
      source: "tmpfs",
      options: ["mode=755", "uid=3", "gid=4"],
    });
    config.process.args = ["stat", "-c", "%u:%g %a", "/dev", "/dev/shm", "/own"];
  });
  mkdirSync(join(c.rootfs, "own"));
  t.match(c.run(), { status: 0, stdout: "0:0 755\n0:0 1777\n3:4 755\n" }, c.stderr());
});

t.test("all new namespaces belong to the new user namespace", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.linux.namespaces.push({ type: "cgroup" });
    const capabilities = ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"];
    const sets = { bounding: capabilities, effective: capabilities, permitted: capabilities };
    config.process.capabilities = sets;
    config.process.args = shell("ip link set lo up && hostname other && hostname && echo $$");
  });
  t.match(c.run(), { status: 0, stderr: "", stdout: "other\n1\n" });
});

t.test("a mount point is made in a directory of the container's root", async (t) => {
  const c = prepare(t, mapped);
  chownSync(c.rootfs, base, base);
  c.configure((config) => {
    config.mounts.push({ destination: "/new/deep", type: "tmpfs", source: "tmpfs" });
    config.process.args = ["stat", "-c", "%u:%g", "/new"];
  });
  t.match(c.run(), { status: 0, stdout: "0:0\n" }, c.stderr());
});

t.test("a user that is not mapped is an error", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.process.user = { uid: 70_000, gid: 0 };
  });
  const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
  t.equal(status, 1);
  t.match(stderr, /70000|uid/);
});

t.test("mappings and the namespace need each other", async (t) => {
  const noMaps = prepare(t, (config) => config.linux.namespaces.push({ type: "user" }));
  const noNamespace = prepare(t, (config) => {
    config.linux.uidMappings = [map];
    config.linux.gidMappings = [map];
  });
  const old = runcBefore("1.2", "takes mappings without a user namespace") !== false;
  for (const c of old ? [noMaps] : [noMaps, noNamespace]) {
    const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
    t.equal(status, 1);
    t.match(stderr, /mapping/);
  }
});

t.test("maps that overlap are an error that names them", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.linux.uidMappings = [map, { containerID: 5, hostID: 900_000, size: 10 }];
  });
  const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
  t.equal(status, 1);
  if (kind === "tsrun") t.match(stderr, /uidMappings/);
});

t.test("pipes given as stdio belong to the container's user", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.process.user = { uid: 9, gid: 9 };
    config.process.args = shell("cat /proc/self/fd/0 && id -u");
  });
  t.match(c.run([], { input: "x\n" }), { status: 0, stdout: "x\n9\n" });
});

t.test(
  "a root file system out of reach is an error that says so",
  { skip: notWith("crun", "its own way") },
  async (t) => {
    const c = prepare(t, mapped);
    chmodSync(c.bundle, 0o700);
    const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
    t.equal(status, 1);
    t.match(stderr, "permission denied");
    t.match(stderr, c.rootfs);
    if (kind === "tsrun") t.match(stderr, /hint: .*user namespace/);
  },
);

t.test("kill, state and delete work from the host", async (t) => {
  const c = prepare(t, (config) => {
    mapped(config);
    config.process.args = ["sleep", "100"];
  });
  t.match(c.create(), { status: 0 }, c.stderr());
  t.match(c.start(), { status: 0, stderr: "" });
  t.equal(c.status(), "running");
  t.match(c.kill("KILL"), { status: 0, stderr: "" });
  t.ok(c.waitFor("stopped"));
  t.match(c.delete(), { status: 0, stderr: "" });
});

function mapped(config: Config): void {
  config.linux.namespaces.push({ type: "user" });
  config.linux.uidMappings = [map];
  config.linux.gidMappings = [map];
}

function bind(source: string, destination: string, options: string[]): Config["mounts"][number] {
  return { destination, type: "bind", source, options };
}

function written(c: Container, text: string): boolean {
  return until(() => c.stdout().includes(text));
}
