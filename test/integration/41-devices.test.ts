import { spawnSync } from "node:child_process";
import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Device } from "../../src/spec/types.ts";
import type { Config } from "./support/bundle.ts";
import { prepare, shell } from "./support/container.ts";
import { notWith } from "./support/runtime.ts";

const withDevices =
  (...devices: Device[]) =>
  (config: Config) => {
    config.linux.devices = devices;
  };

t.test("the devices every container has", async (t) => {
  const names = "null zero full random urandom tty";
  const c = prepare(t, (config) => {
    config.process.args = shell(`cd /dev; stat -c '%n %F %t:%T %a %u:%g' ${names}`);
  });
  const node = (name: string, numbers: string) =>
    `${name} character special file ${numbers} 666 0:0`;
  const expected = [
    node("null", "1:3"),
    node("zero", "1:5"),
    node("full", "1:7"),
    node("random", "1:8"),
    node("urandom", "1:9"),
    node("tty", "5:0"),
  ];
  t.equal(c.run().stdout, `${expected.join("\n")}\n`);
});

t.test("the links every container has", async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = shell(
      "cd /dev; for i in fd stdin stdout stderr ptmx; do readlink $i; done",
    );
  });
  const proc = "/proc/self/fd";
  t.equal(c.run().stdout, `${proc}\n${proc}/0\n${proc}/1\n${proc}/2\npts/ptmx\n`);
});

t.test("they work", async (t) => {
  const c = prepare(t, (config) => {
    config.process.args = shell(
      "echo x >/dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c; echo x >/dev/full; echo out >/dev/stdout",
    );
  });
  const { stdout, stderr } = c.run();
  t.equal(stdout, "4\n4\nout\n");
  t.match(stderr, "No space left on device");
});

t.test("linux.devices: type, numbers, mode and owner", async (t) => {
  const c = prepare(
    t,
    withDevices(
      { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o640, uid: 5, gid: 6 },
      { path: "/dev/sub/disk", type: "b", major: 7, minor: 300, fileMode: 0o660 },
      { path: "/dev/pipe", type: "p", fileMode: 0o604 },
      { path: "/dev/plain", type: "u", major: 1, minor: 3 },
    ),
  );
  c.configure((config) => {
    config.process.args = shell(
      "cd /dev; umask; stat -c '%n %F %t:%T %a %u:%g' fuse sub/disk pipe plain",
    );
  });
  const { stdout, stderr } = c.run();
  const expected = [
    "0022",
    "fuse character special file a:e5 640 5:6",
    "sub/disk block special file 7:12c 660 0:0",
    "pipe fifo 0:0 604 0:0",
    "plain character special file 1:3 666 0:0",
  ];
  t.match({ stdout, stderr }, { stdout: `${expected.join("\n")}\n`, stderr: "" });
});

t.test(
  "a device of the list replaces a default one",
  { skip: notWith("runc", "1.1 cannot use the other /dev/null") },
  async (t) => {
    const c = prepare(
      t,
      withDevices({ path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o600, uid: 9 }),
    );
    c.configure((config) => (config.process.args = ["stat", "-c", "%a %u", "/dev/null"]));
    t.match(c.run(), { status: 0, stdout: "600 9\n" });
  },
);

t.test(
  "a device in whose place lies another file is an error",
  { skip: notWith("runc", "takes the other file") || notWith("crun", "takes the other file") },
  async (t) => {
    const c = prepare(t, (config) => {
      config.linux.devices = [{ path: "/opt/device", type: "c", major: 1, minor: 5 }];
    });
    mkdirSync(join(c.rootfs, "opt"));
    writeFileSync(join(c.rootfs, "opt/device"), "");
    const { status, stderr } = c.run();
    t.equal(status, 1);
    t.match(stderr, "/opt/device");
  },
);

t.test("a bound /dev is left as it is", async (t) => {
  const c = prepare(t);
  const dev = join(c.bundle, "dev");
  mkdirSync(dev);
  writeFileSync(join(dev, "own"), "");
  for (const name of ["pts", "shm", "mqueue"]) mkdirSync(join(dev, name));
  spawnSync("mknod", [join(dev, "null"), "c", "1", "3"]);
  c.configure((config) => {
    const bound = { destination: "/dev", type: "bind", source: dev, options: ["rbind"] };
    config.mounts = config.mounts.map((mount) => (mount.destination === "/dev" ? bound : mount));
    config.process.args = shell("echo $(ls /dev)");
  });
  t.equal(c.run().stdout, "mqueue null own pts shm\n");
});

t.test("a link in the image's /dev leads nowhere outside", async (t) => {
  const c = prepare(t, (config) => {
    config.mounts = config.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
    config.linux.devices = [{ path: "/dev/out/zero", type: "c", major: 1, minor: 5 }];
    config.process.args = shell("stat -c %F /dev/out/zero");
  });
  const host = join(c.bundle, "host");
  mkdirSync(host);
  symlinkSync(host, join(c.rootfs, "dev/out"));
  t.match(c.run(), { status: 0, stdout: "character special file\n" });
  t.equal(spawnSync("ls", [host], { encoding: "utf8" }).stdout, "");
});

t.test("a plain file in the place of /dev/ptmx gives way to the link", async (t) => {
  const c = prepare(t, (config) => {
    config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev");
    config.process.args = ["readlink", "/dev/ptmx"];
  });
  writeFileSync(join(c.rootfs, "dev/ptmx"), "");
  t.match(c.run(), { status: 0, stdout: "pts/ptmx\n" });
});

t.test("links of the image in /dev may be there already", async (t) => {
  const c = prepare(t, (config) => {
    config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev");
    config.process.args = shell("echo ok >/dev/stdout");
  });
  symlinkSync("/proc/self/fd", join(c.rootfs, "dev/fd"));
  symlinkSync("/proc/self/fd/1", join(c.rootfs, "dev/stdout"));
  t.match(c.run(), { status: 0, stdout: "ok\n" });
});

t.test("the devices of the image stay its own after the container is gone", async (t) => {
  const c = prepare(t, (config) => {
    config.mounts = config.mounts.filter(({ destination }) => destination !== "/dev");
    config.process.args = ["true"];
  });
  t.equal(c.run().status, 0);
  t.equal(c.run().status, 0, "and are taken over by the next one");
  t.ok(statSync(join(c.rootfs, "dev/null")).isCharacterDevice());
});

t.test("a /dev that is to be read-only is filled first", async (t) => {
  const c = prepare(t, (config) => {
    const dev = config.mounts.find(({ destination }) => destination === "/dev")!;
    dev.options!.push("ro");
    config.process.args = shell("touch /dev/x; echo y >/dev/null && echo ok");
  });
  t.match(c.run(), { status: 0, stdout: "ok\n", stderr: /Read-only/ });
});
