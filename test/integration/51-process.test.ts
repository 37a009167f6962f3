import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { prepare, shell } from "./support/container.ts";
import { requires } from "./support/host.ts";
import { statusFields } from "./support/process.ts";
import { execute, kind, notWith, runcBefore, runtime } from "./support/runtime.ts";

t.test("the environment is the one of the configuration, in its order", async (t) => {
  const env = ["PATH=/bin", "A=1", "EMPTY=", "B=x=y z", "HOME=/elsewhere"];
  const c = prepare(t, (config) => {
    config.process.env = env;
    config.process.args = ["env"];
  });
  t.equal(c.run().stdout, `${env.join("\n")}\n`);
});

t.test("HOME is that of the user in the image's passwd, else /", async (t) => {
  for (const [uid, home] of [
    [0, "/root"],
    [1000, "/tmp"],
    [4242, "/"],
  ] as const) {
    const c = prepare(t, (config) => {
      config.process.user = { uid, gid: 0 };
      config.process.args = shell("echo $HOME");
    });
    t.equal(c.run().stdout, `${home}\n`);
  }
});

t.test("without PATH a program with a path still runs", async (t) => {
  const c = prepare(t, (config) => {
    config.process.env = [];
    config.process.args = ["/bin/echo", "ok"];
  });
  t.match(c.run(), { status: 0, stdout: "ok\n" });
});

t.test("the program is looked for in the container's PATH, in its order", async (t) => {
  const c = prepare(t, (config) => {
    config.process.env = ["PATH=/absent:/first:/second:/bin"];
    config.process.args = ["prog"];
  });
  for (const [name, mode] of [
    ["first", 0o644],
    ["second", 0o755],
  ] as const) {
    mkdirSync(join(c.rootfs, name));
    writeFileSync(join(c.rootfs, name, "prog"), `#!/bin/sh\necho ${name}\n`, { mode });
  }
  t.match(c.run(), { status: 0, stdout: "second\n" }, "what is not executable is passed over");
});

t.test("a program that cannot be started", { skip: notWith("crun", "other texts") }, async (t) => {
  const cases: [string, RegExp][] = [
    ["absent", /exec: \\?"absent\\?": executable file not found in \$PATH/],
    ["/absent", /exec: \\?"\/absent\\?": stat \/absent: no such file or directory/],
    ["./absent", /exec: \\?"\.\/absent\\?": stat \.\/absent: no such file or directory/],
    ["/etc/passwd", /exec: \\?"\/etc\/passwd\\?": permission denied/],
    ["/etc", /exec: \\?"\/etc\\?": (permission denied|is a directory)/],
    ["/etc/passwd/x", /exec: \\?"\/etc\/passwd\/x\\?": (stat \/etc\/passwd\/x: )?not a directory/],
  ];
  for (const [program, text] of cases) {
    const c = prepare(t, (config) => (config.process.args = [program]));
    const { status, stderr } = c.create();
    t.equal(status, 1, program);
    t.match(stderr, text);
  }
});

t.test("a script whose interpreter is missing fails when it is started", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["/bin/script"]));
  writeFileSync(join(c.rootfs, "bin/script"), "#!/bin/absent\n", { mode: 0o755 });
  if (kind !== "crun") t.equal(c.create().status, 0);
  t.equal(c.start().status, 0);
  t.ok(c.waitFor("stopped"));
  t.match(c.stderr(), /exec \/bin\/script: no such file or directory/);
});

t.test("a file that is no program", async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["/bin/data"]));
  writeFileSync(join(c.rootfs, "bin/data"), "\0\0\0\0", { mode: 0o755 });
  const { status, stderr } = c.run();
  t.not(status, 0);
  t.match(stderr, /exec format error/i);
});

t.test("args: no arguments at all, and empty and odd ones", async (t) => {
  const c = prepare(
    t,
    (config) => (config.process.args = ["printf", "<%s>", "", "a b", "\u00e9\n", "-x"]),
  );
  t.equal(c.run().stdout, "<><a b><\u00e9\n><-x>");
  const none = prepare(t, (config) => (config.process.args = []));
  t.equal(none.run().status, 1);
});

t.test("cwd: entered, made when missing, also through a link of the image", async (t) => {
  const c = prepare(t, (config) => {
    config.process.cwd = "/made/here";
    config.process.args = shell("pwd; stat -c '%a %u' .");
  });
  t.equal(c.run().stdout, "/made/here\n755 0\n");
  const linked = prepare(t, (config) => {
    config.process.cwd = "/link";
    config.process.args = ["/bin/pwd", "-P"];
  });
  symlinkSync("/etc", join(linked.rootfs, "link"));
  t.equal(linked.run().stdout, "/etc\n");
});

t.test("cwd: a file is refused", async (t) => {
  const c = prepare(t, (config) => (config.process.cwd = "/etc/passwd"));
  t.match(c.run(), { status: 1, stderr: /[Nn]ot a directory/ });
});

t.test("cwd: a descriptor of the runtime does not lead out", async (t) => {
  for (let fd = 3; fd < 13; fd += 1) {
    const c = prepare(t, (config) => {
      config.process.cwd = `/proc/self/fd/${fd}`;
      config.process.args = shell("ls ../../../../etc/shadow ../etc/shadow 2>/dev/null; true");
    });
    const { stdout } = c.run();
    t.equal(stdout, "", `descriptor ${fd}`);
  }
});

t.test("rlimits", async (t) => {
  const c = prepare(t, (config) => {
    config.process.rlimits = [
      { type: "RLIMIT_NOFILE", soft: 100, hard: 200 },
      { type: "RLIMIT_CORE", soft: 0, hard: 4096 },
      { type: "RLIMIT_STACK", soft: 8388608, hard: 18446744073709551615n },
    ];
    config.process.args = ["grep", "-E", "open files|core file|stack size", "/proc/self/limits"];
  });
  const { stdout } = c.run();
  t.match(stdout, /Max open files\s+100\s+200 /);
  t.match(stdout, /Max core file size\s+0\s+4096 /);
  t.match(stdout, /Max stack size\s+8388608\s+unlimited /);
});

t.test("without rlimits those of the caller are handed on", async (t) => {
  const c = prepare(
    t,
    (config) => (config.process.args = ["grep", "open files", "/proc/self/limits"]),
  );
  const own = readFileSync("/proc/self/limits", "utf8").match(/Max open files\s+\d+\s+(\d+)/)![1];
  t.match(c.run().stdout, new RegExp(`Max open files\\s+\\d+\\s+${own} `));
});

t.test("an rlimit that nobody knows, or whose soft is above hard", async (t) => {
  for (const limit of [
    { type: "RLIMIT_FROB", soft: 1, hard: 1 },
    { type: "RLIMIT_NOFILE", soft: 20, hard: 10 },
  ]) {
    const c = prepare(t, (config) => (config.process.rlimits = [limit]));
    const { status, stderr } = c.run();
    t.equal(status, 1);
    if (kind === "tsrun") t.match(stderr, limit.type);
  }
});

t.test("oomScoreAdj; without it the caller's is handed on", async (t) => {
  const own = readFileSync("/proc/self/oom_score_adj", "utf8");
  for (const [value, shown] of [
    [500, "500\n"],
    [undefined, own],
  ] as const) {
    const c = prepare(t, (config) => {
      if (value !== undefined) config.process.oomScoreAdj = value;
      config.process.args = ["cat", "/proc/self/oom_score_adj"];
    });
    t.equal(c.run().stdout, shown);
  }
});

t.test("a lower oomScoreAdj", { skip: requires("sys-resource") }, async (t) => {
  const c = prepare(t, (config) => {
    config.process.oomScoreAdj = -500;
    config.process.args = ["cat", "/proc/self/oom_score_adj"];
  });
  t.equal(c.run().stdout, "-500\n");
});

t.test("hostname and domainname", async (t) => {
  const c = prepare(t, (config) => {
    config.hostname = "box";
    config.process.args = shell("hostname; cat /proc/sys/kernel/domainname");
  });
  t.match(c.run().stdout, /^box\n/);
});

t.test("domainname", { skip: runcBefore("1.2", "has none") }, async (t) => {
  const c = prepare(t, (config) => {
    Object.assign(config, { domainname: "example.org" });
    config.process.args = ["cat", "/proc/sys/kernel/domainname"];
  });
  t.equal(c.run().stdout, "example.org\n");
});

t.test("a hostname needs a UTS namespace", { skip: notWith("crun", "other texts") }, async (t) => {
  const c = prepare(t, (config) => {
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "uts");
  });
  const { status, stderr } = c.run();
  t.equal(status, 1);
  t.match(stderr, "unable to set hostname without a private UTS namespace");
});

t.test("scheduler", { skip: runcBefore("1.2", "has none") }, async (t) => {
  const c = prepare(t, (config) => {
    config.process.scheduler = { policy: "SCHED_BATCH", nice: 7 };
    config.process.args = ["awk", "{print $19, $41}", "/proc/self/stat"];
  });
  t.match(c.run(), { status: 0, stdout: "7 3\n" });
});

t.test("ioPriority", { skip: runcBefore("1.2", "has none") }, async (t) => {
  const c = prepare(t, (config) => {
    config.process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 6 };
    config.process.args = ["/bin/busybox", "ionice", "-p", "1"];
  });
  t.match(c.run(), { status: 0, stdout: /best-effort: prio 6/ });
});

t.test("personality", { skip: runcBefore("1.2", "has none") || requires("32-bit") }, async (t) => {
  const c = prepare(t, (config) => {
    config.linux.personality = { domain: "LINUX32" };
    config.process.args = ["uname", "-m"];
  });
  t.match(c.run(), { status: 0, stdout: /^i686|arm/ });
});

t.test(
  "values that no kernel takes are refused",
  { skip: runcBefore("1.2", "knows none of them") },
  async (t) => {
    for (const set of [
      { scheduler: { policy: "SCHED_FROB" } },
      { scheduler: { policy: "SCHED_OTHER", nice: 40 } },
      { ioPriority: { class: "IOPRIO_CLASS_FROB", priority: 1 } },
      { ioPriority: { class: "IOPRIO_CLASS_BE", priority: 9 } },
    ]) {
      const c = prepare(t, (config) => Object.assign(config.process, set));
      t.equal(c.run().status, 1, JSON.stringify(set));
    }
  },
);

t.test("a root that the user may not search", async (t) => {
  const c = prepare(t, (config) => {
    config.process.user = { uid: 1000, gid: 1000 };
    config.process.args = ["/closed/busybox", "echo", "ok"];
    config.process.capabilities = {};
  });
  mkdirSync(join(c.rootfs, "closed"));
  chmodSync(join(c.rootfs, "closed"), 0o700);
  const { status, stderr } = c.run();
  t.equal(status, 1);
  t.match(stderr, /[Pp]ermission denied/);
});

t.test(
  "a caller that is bound to some CPUs does not bind the container",
  { skip: runcBefore("1.3", "hands its affinity on") || notWith("crun", "hands its affinity on") },
  async (t) => {
    const c = prepare(t, (config) => (config.process.args = ["cat", "/proc/self/status"]));
    const allowed = (words: readonly string[]) =>
      statusFields(execute(words[0]!, words.slice(1)).stdout).Cpus_allowed_list;
    const command = [runtime, "--root", c.root, "run", "--bundle", c.bundle, c.id];
    const free = allowed(command);
    const first = /^\d+/.exec(free!)![0];
    t.equal(allowed(["/usr/bin/taskset", "-c", first, ...command]), free);
  },
);
