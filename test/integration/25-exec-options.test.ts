import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { shell } from "./support/container.ts";
import { type Running, runContainer } from "./support/exec.ts";
import { addProbe } from "./support/probe.ts";
import { statusFields } from "./support/process.ts";
import { execute, kind, notWith, runcBefore, runtime } from "./support/runtime.ts";

const fields = (c: Running, flags: readonly string[] = []) =>
  statusFields(c.exec(["cat", "/proc/self/status"], flags).stdout);

t.test("what is not said is as the container's own process has it", async (t) => {
  const c = runContainer(t, (config) => {
    Object.assign(config.process, {
      user: { uid: 1000, gid: 1001, umask: 0o27, additionalGids: [7, 8] },
      cwd: "/tmp",
      oomScoreAdj: 321,
    });
    config.process.env.push("MARK=kept");
  });
  const own = statusFields(c.exec(["cat", "/proc/1/status"]).stdout);
  const other = fields(c);
  for (const name of ["Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "CapBnd", "CapEff"]) {
    t.not(own[name], undefined, name);
    t.equal(other[name], own[name], name);
  }
  const script = "pwd; echo $MARK; cat /proc/self/oom_score_adj";
  t.equal(c.exec(shell(script)).stdout, "/tmp\nkept\n321\n");
});

t.test(
  "limits and umask are those of the container",
  { skip: runcBefore("1.2", "leaves the umask alone, and raises the limit of open files") },
  async (t) => {
    const c = runContainer(t, ({ process }) => {
      process.user!.umask = 0o27;
      process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 123, hard: 456 }];
    });
    t.equal(c.exec(shell("umask; ulimit -n; ulimit -Hn")).stdout, "0027\n123\n456\n");
  },
);

t.test("--user with and without a group", async (t) => {
  const c = runContainer(t, (config) => (config.process.user = { uid: 5, gid: 6 }));
  const id = (...flags: string[]) => c.exec(shell("id -u; id -g"), flags).stdout;
  t.equal(id(), "5\n6\n");
  t.equal(id("--user", "1000:2000"), "1000\n2000\n");
  t.equal(id("-u", "1000"), "1000\n6\n", "the group is the container's");
  for (const wrong of ["user", "1000:group", "-1", ":1"]) {
    t.match(c.exec(["true"], [`--user=${wrong}`]), { status: 255, stderr: /exec failed: / }, wrong);
  }
});

t.test(
  "--additional-gids are added to those of the container",
  { skip: notWith("crun", "has no --additional-gids") },
  async (t) => {
    const c = runContainer(t, (config) => (config.process.user!.additionalGids = [50]));
    const flags = ["--additional-gids", "100", "--additional-gids", "65534"];
    t.equal(c.exec(["id", "-G"], flags).stdout, "0 50 100 65534\n");
    t.match(c.exec(["true"], ["-g", "-5"]), {
      status: 255,
      stderr: /additional-gids must be a positive number -5/,
    });
  },
);

t.test("HOME comes from the container's passwd when the environment has none", async (t) => {
  const c = runContainer(
    t,
    () => {},
    ({ rootfs }) => {
      writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0::/root:\nu:x:1000:1000::/home/u:\n");
    },
  );
  const home = (...flags: string[]) => c.exec(shell("echo $HOME"), flags).stdout;
  t.equal(home(), "/root\n");
  t.equal(home("--user", "1000"), "/home/u\n");
  t.equal(home("--user", "1001"), "/\n");
  t.equal(home("--env", "HOME=/elsewhere"), "/elsewhere\n");
});

t.test("HOME comes from the passwd that is mounted in the container", async (t) => {
  const c = runContainer(
    t,
    (config) => {
      const source = "../passwd";
      config.mounts.push({ destination: "/etc/passwd", type: "bind", source, options: ["bind"] });
    },
    ({ bundle }) => writeFileSync(join(bundle, "../passwd"), "root:x:0:0::/mounted:\n"),
  );
  t.equal(c.exec(shell("echo $HOME")).stdout, "/mounted\n");
});

t.test("--env: added, the last of a name wins, and what is none is refused", async (t) => {
  const c = runContainer(t, (config) => config.process.env.push("A=container", "B=container"));
  const { stdout } = c.exec(["env"], ["-e", "A=first", "-e", "A=second", "-e", "C="]);
  t.match(stdout, /^A=second$/m);
  t.match(stdout, /^B=container$/m);
  t.match(stdout, /^C=$/m);
  t.notMatch(stdout, "A=container");
  t.match(c.exec(["env"], ["-e", "NAME"]), {
    status: 255,
    stderr: /exec failed: .*invalid environment variable/,
  });
});

t.test("--cwd: entered as root, not made, and never outside", async (t) => {
  const c = runContainer(
    t,
    () => {},
    ({ rootfs }) => {
      mkdirSync(join(rootfs, "closed"), { mode: 0o700 });
    },
  );
  t.equal(c.exec(["pwd"], ["--cwd", "/tmp"]).stdout, "/tmp\n");
  t.equal(c.exec(["pwd"], ["--cwd", "/closed", "-u", "1000"]).stdout, "/closed\n");
  t.match(c.exec(["pwd"], ["--cwd", "/absent"]), {
    status: 255,
    stderr: /chdir to cwd \(\\"\/absent\\"\) set in config.json failed: no such file or directory/,
  });
  t.match(c.exec(["pwd"], ["--cwd", "tmp"]), {
    status: 255,
    stderr: /Cwd must be an absolute path/,
  });
  t.not(c.exec(["pwd"], ["--cwd", "/proc/self/fd/8"]).status, 0);
});

t.test("--cap adds to bounding, effective and permitted", async (t) => {
  const plain = runContainer(t);
  const chown = 1n;
  const sets = (c: Running, ...flags: string[]) => {
    const { CapBnd, CapEff, CapPrm, CapInh, CapAmb } = fields(c, flags);
    return [CapBnd, CapEff, CapPrm, CapInh, CapAmb].map((text) => BigInt(`0x${text}`) & chown);
  };
  t.strictSame(sets(plain), [0n, 0n, 0n, 0n, 0n]);
  t.strictSame(sets(plain, "--cap", "CAP_CHOWN"), [1n, 1n, 1n, 0n, 0n]);
});

t.test(
  "--cap is ambient in a container that has inheritable ones",
  { skip: runcBefore("1.2", "makes it inheritable as well") || notWith("crun", "otherwise") },
  async (t) => {
    const c = runContainer(t, ({ process }) => {
      const some = ["CAP_KILL", "CAP_CHOWN"];
      process.capabilities = { bounding: some, effective: [], permitted: some, inheritable: some };
    });
    const { CapAmb } = fields(c, ["--cap", "CAP_CHOWN"]);
    t.equal(BigInt(`0x${CapAmb}`), 1n);
  },
);

t.test("a capability that does not exist is a warning", async (t) => {
  const c = runContainer(t);
  const { status, stderr } = c.exec(["true"], ["--cap", "CAP_NONSENSE"]);
  if (kind === "crun") return t.not(status, null);
  t.equal(status, 0);
  t.match(stderr, /level=warning.*CAP_NONSENSE/);
});

t.test("--no-new-privs", async (t) => {
  const c = runContainer(t, (config) => (config.process.noNewPrivileges = false));
  t.equal(fields(c).NoNewPrivs, "0");
  t.equal(fields(c, ["--no-new-privs"]).NoNewPrivs, "1");
  const strict = runContainer(t);
  t.equal(fields(strict).NoNewPrivs, "1");
  if (kind !== "crun") t.equal(fields(strict, ["--no-new-privs=false"]).NoNewPrivs, "0");
});

t.test("--preserve-fds N passes 3 to 2+N, and nothing more", async (t) => {
  const c = runContainer(t, () => {}, addProbe);
  writeFileSync(join(c.bundle, "three"), "three\n");
  writeFileSync(join(c.bundle, "four"), "four\n");
  const extraFds = ["three", "four", "three"].map((name) => openSync(join(c.bundle, name), "r"));
  const script = shell("cat <&3; cat <&4; probe fds");
  t.equal(
    c.exec(script, ["--preserve-fds", "2"], { extraFds }).stdout,
    "three\nfour\n0 1 2 3 4 \n",
  );
  t.equal(c.exec(["probe", "fds"], [], { extraFds }).stdout, "0 1 2 \n");
});

t.test(
  "--preserve-fds of descriptors that are not there fails",
  {
    skip:
      notWith("runc", "passes what it has itself open there") ||
      notWith("crun", "passes what it has itself open there"),
  },
  async (t) => {
    const c = runContainer(t);
    const { status, stderr } = c.exec(["true"], ["--preserve-fds", "3"]);
    t.equal(status, 255);
    t.match(stderr, /unable to stat preserved-fd 0 \(of 3\)/);
  },
);

t.test("LISTEN_FDS are the container's own process's, not those of exec", async (t) => {
  const c = runContainer(t, () => {}, addProbe);
  const command = `LISTEN_PID=$$ LISTEN_FDS=1 exec ${runtime} --root ${c.root} exec ${c.id} sh -c 'probe fds; env'`;
  const { status, stdout } = execute("/bin/sh", ["-c", command], {
    extraFds: [openSync("/", "r")],
  });
  t.equal(status, 0);
  if (kind === "crun") return;
  t.match(stdout, /^0 1 2 \n/);
  t.notMatch(stdout, "LISTEN");
});

const modules = existsSync("/sys/kernel/security/lsm")
  ? readFileSync("/sys/kernel/security/lsm", "utf8")
  : "";
const without = (name: string): string | false =>
  modules.includes(name) || existsSync(`/sys/fs/${name}`) ? `this host has ${name}` : false;

t.test(
  "an SELinux label without SELinux is refused",
  { skip: notWith("crun", "ignores it") || without("selinux") },
  async (t) => {
    const c = runContainer(t);
    t.match(c.exec(["true"], ["--process-label", "system_u:system_r:x_t:s0"]), {
      status: 255,
      stderr: /selinux label is specified in config, but selinux is disabled or not supported/,
    });
  },
);

t.test(
  "an AppArmor profile without AppArmor is refused",
  { skip: notWith("crun", "ignores it") || without("apparmor") },
  async (t) => {
    const c = runContainer(t);
    t.match(c.exec(["true"], ["--apparmor", "some-profile"]), {
      status: 255,
      stderr: /exec failed: .*apparmor/,
    });
  },
);

t.test("a flag that does not exist", async (t) => {
  const c = runContainer(t);
  const { status, stdout, stderr } = c.exec(["true"], ["--absent"]);
  if (kind === "crun") return t.not(status, 0);
  t.equal(status, 1);
  t.match(stdout, /^Incorrect Usage: flag provided but not defined: -absent/);
  t.match(stderr, "flag provided but not defined: -absent");
});
