import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare, shell, type Config, type Container } from "./support/container.ts";
import { execute, kind, notWith, runcBefore } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

const pivots = [[], ["--no-pivot"]] as const;
const oldRunc = runcBefore("1.2", "takes both");
const noProc = notWith("runc", "needs /proc in the root, and leaves a mount on the host");
const otherWay = notWith("crun", "its own way");

t.test("root.readonly makes / read-only, its mounts not", async (t) => {
  for (const flags of pivots) {
    const c = prepare(t, (config) => {
      config.root.readonly = true;
      config.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs" });
      config.process.args = shell("touch /x; touch /tmp/x && echo writable");
    });
    const { status, stdout, stderr } = c.run(flags);
    t.match({ status, stdout }, { status: 0, stdout: "writable\n" }, flags.join());
    t.match(stderr, "Read-only file system");
  }
});

t.test("nothing of the host is left in the container", async (t) => {
  for (const flags of pivots) {
    const c = prepare(t, (config) => {
      config.process.args = shell("cut -d' ' -f5 /proc/self/mountinfo; ls / /..; ls /proc/1/root");
    });
    const { status, stdout } = c.run(flags);
    t.equal(status, 0);
    t.notMatch(stdout, c.bundle);
    t.notMatch(stdout, /^(home|boot|usr|rootfs|config.json)$/m);
  }
});

t.test("mounts of the container do not reach the host, whatever the propagation", async (t) => {
  for (const propagation of [undefined, "private", "rslave", "slave", "rprivate"]) {
    const c = prepare(t, (config) => {
      if (propagation !== undefined) config.linux.rootfsPropagation = propagation;
      withAdmin(config);
      config.process.args = shell("mount -t tmpfs tmpfs /tmp && touch /tmp/x && echo mounted");
    });
    t.match(c.run(), { status: 0, stdout: "mounted\n" }, `${propagation}: ${c.stderr()}`);
    t.equal(execute("/bin/ls", [join(c.rootfs, "tmp")]).stdout, "");
    t.notMatch(hostMounts(), c.bundle);
  }
});

t.test("rootfsPropagation is that of / in the container", async (t) => {
  for (const [propagation, tags] of [
    ["private", /^\/ -$/m],
    ["rprivate", /^\/ -$/m],
    ["shared", /^\/ shared:\d+/m],
    ["rshared", /^\/ shared:\d+/m],
    ["unbindable", /^\/ unbindable/m],
    ["runbindable", /^\/ unbindable/m],
  ] as const) {
    // runc 1.1 cannot bind an unbindable root, and leaves a shared one private.
    if (kind === "runc" && !propagation.endsWith("private")) continue;
    const c = prepare(t, (config) => {
      config.linux.rootfsPropagation = propagation;
      config.process.args = shell(`awk '$5 == "/" { print $5, $7 }' /proc/self/mountinfo`);
    });
    t.match(c.run(), { status: 0, stdout: tags }, `${propagation}: ${c.stderr()}`);
  }
});

t.test("with rslave, mounts made later on the host reach the container", async (t) => {
  const c = prepare(t);
  const shared = sharedDirectory(t, c);
  for (const [option, reaches] of [
    ["rslave", true],
    ["rprivate", false],
  ] as const) {
    c.configure((config) => {
      config.linux.rootfsPropagation = "rslave";
      config.mounts = config.mounts.filter(({ destination }) => destination !== "/shared");
      config.mounts.push({
        destination: "/shared",
        type: "bind",
        source: shared,
        options: ["rbind", option],
      });
      config.process.args = ["sleep", "100"];
    });
    t.match(c.create(), { status: 0 }, c.stderr());
    const late = join(shared, "late");
    t.equal(execute("/bin/mount", ["-t", "tmpfs", "tmpfs", late]).status, 0);
    const { pid } = c.state();
    const { stdout } = execute("/bin/cat", [`/proc/${pid}/mountinfo`]);
    t.equal(stdout.includes(" /shared/late "), reaches, option);
    t.equal(execute("/bin/umount", [late]).status, 0);
    c.delete("--force");
  }
});

t.test("with rshared, mounts of the container reach the host", async (t) => {
  const c = prepare(t);
  const shared = sharedDirectory(t, c);
  c.configure((config) => {
    config.linux.rootfsPropagation = "rshared";
    withAdmin(config);
    config.mounts.push({
      destination: "/shared",
      type: "bind",
      source: shared,
      options: ["rbind", "rshared"],
    });
    config.process.args = shell(
      "mount -t tmpfs from-inside /shared/late && echo mounted; sleep 100",
    );
  });
  t.match(c.create(), { status: 0 }, c.stderr());
  t.match(c.start(), { status: 0 });
  t.ok(
    until(() => c.stdout().includes("mounted")),
    c.stderr(),
  );
  t.match(hostMounts(), `from-inside ${shared}/late`);
  t.equal(execute("/bin/umount", [join(shared, "late")]).status, 0);
});

t.test("a propagation that does not exist is refused", async (t) => {
  const c = prepare(t, (config) => (config.linux.rootfsPropagation = "frobnicate"));
  const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
  t.equal(status, 1);
  t.match(stderr, "frobnicate");
});

t.test(
  "--no-pivot and a private root contradict each other",
  { skip: otherWay || oldRunc },
  async (t) => {
    const c = prepare(t, (config) => (config.linux.rootfsPropagation = "rprivate"));
    const { status, stderr } = c.call(["create", "--bundle", c.bundle, "--no-pivot", c.id]);
    t.equal(status, 1);
    t.match(stderr, "rootfsPropagation of [r]private is not safe with no_pivot_root");
  },
);

t.test("with --no-pivot the host's procfs is out of reach", async (t) => {
  const c = prepare(t, (config) => {
    withAdmin(config);
    config.process.args = shell("cut -d' ' -f5,9 /proc/self/mountinfo; cat /proc/1/comm");
  });
  const { status, stdout } = c.run(["--no-pivot"]);
  t.equal(status, 0);
  t.match(stdout, /\n(cat|sh)\n$/);
});

t.test(
  "without a mount namespace the root is changed alone",
  { skip: otherWay || noProc },
  async (t) => {
    const c = prepare(t, (config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "mount");
      config.mounts = [];
      Object.assign(config.linux, { maskedPaths: [], readonlyPaths: [] });
      config.process.args = shell("ls /bin/busybox; pwd; ls -d /home || echo apart");
    });
    const before = hostMounts();
    const { status, stdout } = c.run();
    t.match({ status, stdout }, { status: 0, stdout: "/bin/busybox\n/\napart\n" }, c.stderr());
    t.equal(
      hostMounts()
        .split("\n")
        .filter((line) => line.includes(c.bundle)).length,
      before.split("\n").filter((line) => line.includes(c.bundle)).length,
    );
  },
);

t.test(
  "without a mount namespace mounts are made on the host, with a warning",
  { skip: otherWay },
  async (t) => {
    const c = prepare(t, (config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "mount");
      config.mounts = [{ destination: "/data", type: "tmpfs", source: "tmpfs" }];
      Object.assign(config.linux, { maskedPaths: [], readonlyPaths: [] });
      config.process.args = shell("touch /data/file && ls /data");
    });
    t.teardown(() => execute("/bin/umount", ["-R", "-l", join(c.rootfs, "data")]));
    const done = c.run();
    t.match(done, { status: 0, stdout: "file\n" });
    if (kind === "tsrun") t.match(done.stderr, "made on the host, and stay there");
    t.equal(execute("/bin/ls", [join(c.rootfs, "data")]).stdout, "file\n");
  },
);

t.test("a read-only rootfs without a mount namespace: it is left writable, and said", async (t) => {
  const c = prepare(t, (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "mount");
    config.mounts = [];
    config.root.readonly = true;
    config.linux.maskedPaths = [];
    config.linux.readonlyPaths = [];
    config.process.args = shell("echo >/written && echo done");
  });
  const { status, stdout, stderr } = c.run();
  t.match({ status, stdout }, { status: 0, stdout: "done\n" });
  if (kind === "tsrun") t.match(stderr, "the rootfs stays writable");
});

t.test("masked paths without a mount namespace are refused", { skip: otherWay }, async (t) => {
  const c = prepare(t, (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "mount");
    config.mounts = [];
  });
  const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
  t.equal(status, 1);
  t.match(stderr, "unable to restrict sys entries without a private MNT namespace");
});

t.test("a link in the image leads no mount out of the root", async (t) => {
  const c = prepare(t);
  const outside = join(c.bundle, "outside");
  mkdirSync(outside);
  symlinkSync(outside, join(c.rootfs, "absolute"));
  symlinkSync("../../outside", join(c.rootfs, "relative"));
  writeFileSync(join(outside, "witness"), "");
  c.configure((config) => {
    for (const destination of ["/absolute", "/relative/sub"]) {
      config.mounts.push({ destination, type: "tmpfs", source: "tmpfs" });
    }
    config.process.args = ["sleep", "100"];
  });
  const { status } = c.create();
  t.notMatch(hostMounts(), outside);
  t.equal(execute("/bin/ls", [outside]).stdout, "witness\n");
  if (kind !== "crun") t.equal(status, 0, c.stderr());
});

function withAdmin(config: Config): void {
  const capabilities = ["CAP_SYS_ADMIN"];
  config.process.capabilities = {
    bounding: capabilities,
    effective: capabilities,
    permitted: capabilities,
  };
}

type Teardown = { teardown(work: () => void): unknown };
/** A directory of the host that is a shared mount with a place to mount something on. */
function sharedDirectory(t: Teardown, c: Container): string {
  const shared = join(c.bundle, "shared");
  mkdirSync(shared);
  mkdirSync(join(c.rootfs, "shared"));
  const script = `mount -t tmpfs shared ${shared} && mount --make-shared ${shared} && mkdir ${shared}/late`;
  const { status, stderr } = execute("/bin/sh", ["-c", script]);
  if (status !== 0) throw new Error(stderr);
  t.teardown(() => void execute("/bin/umount", ["-R", "-l", shared]));
  return shared;
}

function hostMounts(): string {
  return execute("/bin/cat", ["/proc/self/mounts"]).stdout;
}
