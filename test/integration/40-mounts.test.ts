import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Mount } from "../../src/spec/types.ts";
import { prepare, shell, type Container } from "./support/container.ts";
import { kind, notWith, onlyTsrun, scratch } from "./support/runtime.ts";

chmodSync(scratch, 0o711); // the root of a user namespace has to get through

/** Runs the script in a container with these mounts added. */
function runWith(test: Test, mounts: (c: Container) => Mount[], script: string) {
  const c = prepare(test, (config) => (config.process.args = shell(script)));
  c.configure((config) => config.mounts.push(...mounts(c)));
  return { c, ...c.run() };
}

/** A directory of the bundle with a file in it. */
function source(c: Container, name = "data"): string {
  mkdirSync(join(c.bundle, name), { recursive: true });
  writeFileSync(join(c.bundle, name, "file"), "content\n");
  return join(c.bundle, name);
}

const bind = (c: Container, ...options: string[]): Mount => ({
  destination: "/mnt",
  type: "bind",
  source: source(c),
  options: ["bind", ...options],
});

t.test("a bind shows the host's directory, writable", async (t) => {
  const { c, ...done } = runWith(t, (c) => [bind(c)], "cat /mnt/file; echo new >/mnt/made");
  t.match(done, { status: 0, stdout: "content\n", stderr: "" });
  t.equal(readFileSync(join(c.bundle, "data/made"), "utf8"), "new\n");
});

t.test("a relative source is found in the bundle", async (t) => {
  const done = runWith(t, (c) => [{ ...bind(c), source: "data" }], "cat /mnt/file");
  t.match(done, { status: 0, stdout: "content\n" });
});

t.test("attributes of binds: ro nosuid nodev noexec noatime", async (t) => {
  const done = runWith(
    t,
    (c) => [bind(c, "ro", "nosuid", "nodev", "noexec", "noatime")],
    "grep ' /mnt ' /proc/self/mounts; touch /mnt/x; cp /bin/busybox /tmp; cat /mnt/file",
  );
  for (const word of ["ro", "nosuid", "nodev", "noexec", "noatime"]) {
    t.match(done.stdout, new RegExp(`/mnt \\S+ (\\S+,)?${word},?`), word);
  }
  t.match(done.stderr, "Read-only file system");
  t.match(done.stdout, "content");
});

t.test("a bind leaves out what is mounted below its source, rbind takes it along", async (t) => {
  const c = prepare(t);
  const directory = source(c);
  mkdirSync(join(directory, "below"));
  mount(t, ["-t", "tmpfs", "tmpfs"], join(directory, "below"));
  writeFileSync(join(directory, "below/inner"), "");
  c.configure((config) => {
    config.mounts.push({ destination: "/one", type: "bind", source: directory, options: ["bind"] });
    config.mounts.push({
      destination: "/all",
      type: "bind",
      source: directory,
      options: ["rbind", "ro"],
    });
    config.process.args = shell(
      "ls /one/below /all/below; touch /all/below/x && echo writable; touch /all/x",
    );
  });
  const { stdout, stderr } = c.run();
  t.equal(stdout, "/all/below:\ninner\n\n/one/below:\nwritable\n");
  t.match(stderr, /touch: \/all\/x: Read-only/, "ro is about the mount itself");
});

t.test("rro makes all of a tree read-only", async (t) => {
  const c = prepare(t);
  const directory = source(c);
  mkdirSync(join(directory, "below"));
  mount(t, ["-t", "tmpfs", "tmpfs"], join(directory, "below"));
  c.configure((config) => {
    config.mounts.push({
      destination: "/all",
      type: "bind",
      source: directory,
      options: ["rbind", "rro"],
    });
    config.process.args = shell("touch /all/x; touch /all/below/x");
  });
  t.match(c.run().stderr, /all\/x: Read-only(.|\n)*below\/x: Read-only/);
});

t.test("a file is bound onto a missing target, whose directories are made", async (t) => {
  const { c, ...done } = runWith(
    t,
    (c) => [
      {
        destination: "/a/b/c",
        type: "bind",
        source: join(source(c), "file"),
        options: ["bind", "ro"],
      },
    ],
    "cat /a/b/c; echo x >/a/b/c",
  );
  t.match(done, { stdout: "content\n", stderr: /Read-only/ });
  t.equal(readFileSync(join(c.rootfs, "a/b/c"), "utf8"), "", "the place is a plain file");
});

t.test("a directory cannot be bound onto a file", async (t) => {
  const c = prepare(t);
  c.configure((config) => config.mounts.push({ ...bind(c), destination: "/etc/passwd" }));
  const { status, stderr } = c.run();
  t.equal(status, 1);
  t.match(stderr, /[Nn]ot a directory/);
});

t.test("a bind source that is not there", async (t) => {
  const c = prepare(t, (config) => {
    const options = ["rbind"];
    config.mounts.push({ destination: "/mnt", type: "bind", source: "/nowhere/at/all", options });
  });
  const { status, stderr } = c.create();
  t.equal(status, 1);
  t.match(stderr, /\/nowhere\/at\/all(.|\n)*[Nn]o such file or directory/);
  if (kind !== "crun")
    t.match(stderr, /error mounting \\?"\/nowhere\/at\/all\\?" to rootfs at \\?"\/mnt\\?"/);
  t.notOk(existsSync(join(c.root, c.id)));
});

t.test(
  "a bind with a word that is no option is refused",
  { skip: notWith("crun", "ignores them") || notWith("runc", "1.1 ignores them") },
  async (t) => {
    const { status, stderr } = runWith(t, (c) => [bind(c, "nosiud")], "true");
    t.equal(status, 1);
    t.match(stderr, "bind mounts cannot have any filesystem-specific options applied");
  },
);

t.test("bind,remount changes the flags of what is mounted", async (t) => {
  const done = runWith(
    t,
    (c) => [
      bind(c),
      { destination: "/mnt", type: "bind", source: "/mnt", options: ["bind", "remount", "ro"] },
    ],
    "touch /mnt/x; cat /mnt/file",
  );
  t.match(done, { stdout: "content\n", stderr: /Read-only/ });
});

t.test("remount changes a tmpfs that was mounted before", async (t) => {
  const tmpfs = { destination: "/mnt", type: "tmpfs", source: "tmpfs" };
  const done = runWith(
    t,
    () => [
      { ...tmpfs, options: ["size=1m"] },
      { ...tmpfs, options: ["remount", "ro", "size=2m"] },
    ],
    "grep ' /mnt ' /proc/self/mounts",
  );
  t.match(done.stdout, / ro,\S*size=2048k/);
});

t.test("tmpfs: size, mode and flags", async (t) => {
  const done = runWith(
    t,
    () => [
      {
        destination: "/mnt",
        type: "tmpfs",
        source: "scratch",
        options: ["nosuid", "nodev", "noexec", "size=64k", "mode=1750", "uid=0", "gid=8"],
      },
    ],
    "stat -c '%a %u %g' /mnt; grep ' /mnt ' /proc/self/mounts; dd if=/dev/zero of=/mnt/x bs=1k count=100",
  );
  const [stat, line] = done.stdout.split("\n");
  t.equal(stat, "1750 0 8");
  t.match(line, /^scratch \/mnt tmpfs rw,nosuid,nodev,noexec,\S*size=64k/);
  t.match(done.stderr, "No space left on device");
});

t.test("a tmpfs takes the mode of the directory it covers", async (t) => {
  const c = prepare(t, (config) => {
    config.mounts.push({ destination: "/var/x", type: "tmpfs", source: "tmpfs" });
    config.process.args = ["stat", "-c", "%a", "/var/x"];
  });
  mkdirSync(join(c.rootfs, "var/x"), { recursive: true });
  chmodSync(join(c.rootfs, "var/x"), 0o2751);
  t.equal(c.run().stdout, "2751\n");
});

t.test(
  "a place that is made is an ordinary directory, also below a tmpfs of any mode",
  { skip: notWith("crun", "gives it the mode of its own") },
  async (t) => {
    const c = prepare(t, (config) => {
      config.mounts.push({ destination: "/set/a/b", type: "tmpfs", source: "tmpfs" });
      config.process.args = ["stat", "-c", "%a", "/set/a/b"];
    });
    mkdirSync(join(c.rootfs, "set"));
    chmodSync(join(c.rootfs, "set"), 0o2755);
    t.equal(c.run().stdout, "1777\n", "the mode that a tmpfs has by default");
    for (const made of ["set/a", "set/a/b"]) {
      t.equal(statSync(join(c.rootfs, made)).mode & 0o7777, 0o2755, made);
    }
  },
);

t.test(
  "a source in the rootfs is what was mounted there before, also by a user namespace's root",
  { skip: notWith("crun", "has it otherwise") || notWith("runc", "1.1 has it otherwise") },
  async (t) => {
    for (const users of [false, true]) {
      const c = prepare(t, (config) => {
        if (!users) return;
        config.linux.namespaces.push({ type: "user" });
        config.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
        config.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
      });
      mkdirSync(join(c.rootfs, "first"));
      mkdirSync(join(c.rootfs, "second"));
      c.configure((config) => {
        config.process.args = ["cat", "/second/file"];
        const second = { source: join(c.rootfs, "first"), destination: join(c.rootfs, "second") };
        config.mounts.push(
          { ...bind(c), destination: "/first" },
          { type: "bind", options: ["rbind"], ...second },
        );
      });
      t.match(c.run(), { status: 0, stdout: "content\n" }, `user namespace: ${users}`);
    }
  },
);

t.test(
  "in a user namespace no bind takes off what restricts the host's mount, or changes its access times",
  { skip: notWith("crun", "takes it off") },
  async (t) => {
    const start = (own: string, asked: string) => {
      const c = prepare(t, (config) => {
        config.linux.namespaces.push({ type: "user" });
        config.linux.uidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
        config.linux.gidMappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
        config.process.args = ["grep", " /mnt ", "/proc/self/mounts"];
      });
      const asBind = bind(c, asked);
      mkdirSync(join(c.rootfs, "mnt"));
      const directory = join(c.bundle, "data");
      mount(t, ["--bind", directory], directory);
      mount(t, ["-o", `remount,bind,${own}`], directory);
      c.configure((config) => config.mounts.push(asBind));
      return c.run();
    };
    t.match(start("ro,nosuid", "nodev"), { status: 0, stdout: / ro,nosuid,nodev/ });
    for (const [own, asked] of [
      ["ro", "rw"],
      ["noexec", "exec"],
      ["noatime", "relatime"],
    ] as const) {
      const done = start(own, asked);
      t.equal(done.status, 1, `${own} ${asked}`);
      t.match(done.stderr, /error mounting .*operation not permitted/);
    }
  },
);

t.test("tmpcopyup fills a tmpfs with what it covers", async (t) => {
  const c = prepare(t, (config) => {
    config.mounts.push({
      destination: "/opt",
      type: "tmpfs",
      source: "tmpfs",
      options: ["tmpcopyup"],
    });
    config.process.args = shell(
      "cat /opt/sub/file; readlink /opt/link; stat -c '%a' /opt/sub; echo x >/opt/sub/new",
    );
  });
  mkdirSync(join(c.rootfs, "opt/sub"), { recursive: true });
  chmodSync(join(c.rootfs, "opt/sub"), 0o750);
  writeFileSync(join(c.rootfs, "opt/sub/file"), "copied\n");
  symlinkSync("sub/file", join(c.rootfs, "opt/link"));
  t.match(c.run(), { status: 0, stdout: "copied\nsub/file\n750\n" });
  t.notOk(existsSync(join(c.rootfs, "opt/sub/new")), "the image is untouched");
});

t.test("propagation of a mount", async (t) => {
  const show =
    'awk \'$5 == "/mnt" {print ($7 ~ /shared/) ? "shared" : "private"}\' /proc/self/mountinfo';
  for (const [option, shown] of [
    ["rshared", "shared"],
    ["rprivate", "private"],
    ["shared", "shared"],
  ] as const) {
    t.equal(runWith(t, (c) => [bind(c, option)], show).stdout, `${shown}\n`, option);
  }
});

t.test("mounts are private to the host unless the configuration says otherwise", async (t) => {
  const c = prepare(t, (config) => {
    config.mounts.push({ destination: "/mnt", type: "tmpfs", source: "tmpfs" });
    config.process.args = ["sleep", "100"];
  });
  c.create();
  t.notMatch(readFileSync("/proc/self/mountinfo", "utf8"), c.bundle);
});

t.test(
  "rootfsPropagation",
  { skip: notWith("runc", "1.1 leaves / private after the pivot") },
  async (t) => {
    for (const [value, shown] of [
      ["rshared", /shared:/],
      ["rprivate", /^- /],
      ["runbindable", /unbindable/],
    ] as const) {
      const c = prepare(t, (config) => {
        config.linux.rootfsPropagation = value;
        config.process.args = ["awk", '$5 == "/" {print $7, $8}', "/proc/self/mountinfo"];
      });
      t.match(c.run().stdout, shown, value);
    }
  },
);

t.test("a symbolic link at a destination stays inside the root file system", async (t) => {
  for (const [target, inside] of [
    ["/etc/inner", "etc/inner"],
    ["../../../../../../../../etc/inner", "etc/inner"],
    ["/absent/path", "absent/path"],
  ] as const) {
    const c = prepare(t);
    c.configure((config) => {
      config.mounts.push({ ...bind(c), destination: "/link/sub" });
      config.process.args = ["cat", `/${inside}/sub/file`];
    });
    symlinkSync(target, join(c.rootfs, "link"));
    t.match(c.run(), { status: 0, stdout: "content\n" }, target);
    t.ok(existsSync(join(c.rootfs, inside, "sub")), "made inside");
    t.notOk(existsSync(`/${inside}`), "nothing made on the host");
  }
});

t.test("`..` in a destination does not leave the root file system", async (t) => {
  const done = runWith(
    t,
    (c) => [{ ...bind(c), destination: "/../../../mnt/x" }],
    "cat /mnt/x/file",
  );
  t.match(done, { status: 0, stdout: "content\n" });
  t.notOk(existsSync("/mnt/x"));
});

t.test("the root itself is no destination", { skip: notWith("crun", "takes it") }, async (t) => {
  for (const destination of ["/", "/..", "/mnt/.."]) {
    t.equal(runWith(t, (c) => [{ ...bind(c), destination }], "true").status, 1, destination);
  }
});

t.test("/proc is for procfs alone", { skip: notWith("crun", "has other rules") }, async (t) => {
  const over = runWith(t, (c) => [{ ...bind(c), destination: "/proc" }], "true");
  t.equal(over.status, 1);
  t.match(over.stderr, /\/proc\\?" cannot be mounted because it is not of type proc/);
  const below = runWith(t, (c) => [{ ...bind(c), destination: "/proc/sys" }], "true");
  t.equal(below.status, 1);
  t.match(below.stderr, /cannot be mounted because it is inside \/proc/);
});

t.test("a file of lxcfs may lie on one of /proc", async (t) => {
  const done = runWith(
    t,
    (c) => [
      {
        destination: "/proc/uptime",
        type: "bind",
        source: join(source(c), "file"),
        options: ["bind"],
      },
    ],
    "cat /proc/uptime",
  );
  t.match(done, { status: 0, stdout: "content\n" });
});

t.test(
  "a symbolic link in the place of /proc or /sys is refused",
  { skip: notWith("crun", "other texts") },
  async (t) => {
    for (const name of ["proc", "sys"]) {
      const c = prepare(t);
      rmSync(join(c.rootfs, name), { recursive: true });
      symlinkSync("tmp", join(c.rootfs, name));
      const { status, stderr } = c.run();
      t.equal(status, 1);
      t.match(stderr, /must be mounted on (an )?ordinary directory/);
    }
  },
);

t.test("the file systems of the kernel: mqueue, devpts, sysfs, proc", async (t) => {
  const done = runWith(
    t,
    () => [],
    "awk '{print $2, $3}' /proc/self/mounts; ls /dev/pts; ls -d /sys/class/net/lo",
  );
  for (const line of [
    "/dev/mqueue mqueue",
    "/dev/pts devpts",
    "/sys sysfs",
    "/proc proc",
    "/dev/shm tmpfs",
  ]) {
    t.ok(done.stdout.split("\n").includes(line), line);
  }
  t.match(done.stdout, /^ptmx$/m);
  t.match(done.stdout, "/sys/class/net/lo");
});

t.test("a cgroup mount", { skip: notWith("crun", "refuses hybrid cgroups") }, async (t) => {
  const done = runWith(
    t,
    () => [
      {
        destination: "/sys/fs/cgroup",
        type: "cgroup",
        source: "cgroup",
        options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
      },
    ],
    "ls /sys/fs/cgroup | wc -l; mkdir /sys/fs/cgroup/x",
  );
  t.match(done.stdout, /^[1-9]\d*\n$/);
  t.match(done.stderr, /Read-only|Permission/);
});

t.test("a file system that the kernel does not know", async (t) => {
  const { status, stderr } = runWith(
    t,
    () => [{ destination: "/mnt", type: "frobfs", source: "x" }],
    "true",
  );
  t.equal(status, 1);
  t.match(stderr, /frobfs|No such device|no such device/i);
});

t.test("an option that the file system does not know", async (t) => {
  const mounts = [
    { destination: "/mnt", type: "tmpfs", source: "tmpfs", options: ["frobnicate=1"] },
  ];
  const { status, stderr } = runWith(t, () => mounts, "true");
  t.equal(status, 1);
  t.match(stderr, /invalid argument/i);
  if (kind === "tsrun") t.match(stderr, "frobnicate");
});

t.test("an overlay", async (t) => {
  const done = runWith(
    t,
    (c) => {
      for (const name of ["low", "up", "work"]) mkdirSync(join(c.bundle, name));
      writeFileSync(join(c.bundle, "low/file"), "lower\n");
      // An overlay cannot lie on an overlay: the upper directories may be refused, the lower ones not.
      const options = [`lowerdir=${join(c.bundle, "low")}:${join(c.bundle, "work")}`];
      return [{ destination: "/mnt", type: "overlay", source: "overlay", options }];
    },
    "cat /mnt/file",
  );
  t.match(done, { status: 0, stdout: "lower\n" });
});

t.test("mounts lie on one another in the order of the configuration", async (t) => {
  const tmpfs = (destination: string): Mount => ({ destination, type: "tmpfs", source: "tmpfs" });
  const done = runWith(
    t,
    (c) => [tmpfs("/mnt"), { ...bind(c), destination: "/mnt/a" }, tmpfs("/mnt/a/sub")],
    "ls /mnt /mnt/a",
  );
  t.match(done, { status: 0, stdout: "/mnt:\na\n\n/mnt/a:\nfile\nsub\n" });
});

t.test(
  "a failed mount names its line in the configuration",
  { skip: onlyTsrun("the pointer") },
  async (t) => {
    const done = runWith(
      t,
      () => [{ destination: "/mnt", type: "bind", source: "/nowhere", options: ["bind"] }],
      "true",
    );
    t.match(done.stderr, /mounts.6/);
  },
);

function mount(test: Test, args: string[], place: string): void {
  const done = spawnSync("mount", [...args, place], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(done.stderr);
  test.teardown(() => spawnSync("umount", ["-l", place]));
}
