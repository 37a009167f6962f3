import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { type Config, prepare, shell, type Container } from "./support/container.ts";
import { blockDevice, requires } from "./support/host.ts";
import { kind, notWith, onlyTsrun, runcBefore, type Result } from "./support/runtime.ts";
import { until } from "./support/wait.ts";

t.setTimeout(300_000);

const M = 1 << 20;
const limits = { skip: requires("unified-cgroup", "memory", "cpu", "pids") };

function sleeper(t: Test, edit: (config: Config) => void = () => {}): Container {
  const c = prepare(t, (config) => {
    config.process.args = ["sleep", "1000"];
    edit(config);
  });
  c.configure((config) => (config.linux.cgroupsPath ??= `/tests/${c.id}`));
  const { status } = c.create();
  t.equal(status, 0, c.stderr());
  return c;
}

const initial = (config: Config): void => {
  config.linux.resources = {
    memory: { limit: 32 * M, reservation: 24 * M },
    cpu: { shares: 100, quota: 500_000, period: 1_000_000 },
    pids: { limit: 20 },
  };
};

const update = (c: Container, ...flags: string[]): Result => c.call(["update", ...flags, c.id]);
const updateFrom = (c: Container, resources: unknown): Result =>
  c.call(["update", "--resources", "-", c.id], { input: JSON.stringify(resources) });
const file = (c: Container, name: string): string =>
  readFileSync(`/sys/fs/cgroup/tests/${c.id}/${name}`, "utf8").trim();

function values(c: Container): Record<string, string> {
  const names = ["cpu.max", "cpu.weight", "memory.max", "memory.low", "pids.max"];
  return Object.fromEntries(names.map((name) => [name, file(c, name)]));
}

t.test("every limit by its flag", limits, async (t) => {
  const c = sleeper(t, initial);
  const before = values(c);
  t.match(update(c), { status: 0, stdout: "", stderr: "" }, "nothing named, nothing changed");
  t.strictSame(values(c), before);
  t.match(update(c, "--memory", "64M", "--memory-reservation", "33554432", "--pids-limit", "10"), {
    status: 0,
    stdout: "",
    stderr: "",
  });
  const changed = {
    ...before,
    "memory.max": String(64 * M),
    "memory.low": String(32 * M),
    "pids.max": "10",
  };
  t.strictSame(values(c), changed, "the rest is as it was");
  update(c, "--cpu-period", "900000");
  // runc has forgotten the quota by now, in the updates that did not name it.
  if (kind !== "runc") t.equal(file(c, "cpu.max"), "500000 900000");
  update(c, "--cpu-quota", "600000", "--cpu-share", "1024");
  t.equal(file(c, "cpu.max"), "600000 900000");
  t.match(file(c, "cpu.weight"), /^(39|100)$/, "1024 shares by either conversion");
  update(c, "--cpu-quota", "-1", "--memory", "-1", "--pids-limit", "-1");
  t.match(values(c), { "cpu.max": "max 900000", "memory.max": "max", "pids.max": "max" });
});

t.test("burst goes with the quota, up and down", limits, async (t) => {
  const c = sleeper(t, initial);
  t.match(update(c, "--cpu-quota", "50000", "--cpu-period", "100000", "--cpu-burst", "40000"), {
    status: 0,
  });
  t.equal(file(c, "cpu.max.burst"), "40000");
  t.match(update(c, "--cpu-quota", "10000", "--cpu-burst", "5000"), { status: 0 });
  t.equal(file(c, "cpu.max") + file(c, "cpu.max.burst"), "10000 1000005000");
});

t.test("idle", limits, async (t) => {
  const c = sleeper(t, initial);
  for (const idle of ["1", "0", "1"]) {
    t.match(update(c, "--cpu-idle", idle), { status: 0 });
    t.equal(file(c, "cpu.idle"), idle);
  }
  t.equal(update(c, "--cpu-idle", "2").status, 1);
  t.equal(file(c, "cpu.idle"), "1");
  t.match(update(c, "--cpu-period", "10000"), { status: 0 }, "another limit leaves it alone");
  t.equal(file(c, "cpu.idle"), "1");
});

t.test("resources from a file and from stdin", limits, async (t) => {
  const c = sleeper(t, initial);
  const before = values(c);
  update(c, "--memory", "64M", "--cpu-share", "500", "--pids-limit", "30");
  const resources = {
    memory: { limit: 32 * M, reservation: 24 * M },
    cpu: { shares: 100, quota: 500_000, period: 1_000_000 },
    pids: { limit: 20 },
  };
  t.match(updateFrom(c, resources), { status: 0, stdout: "", stderr: "" });
  t.strictSame(values(c), before);
  const path = join(c.bundle, "resources.json");
  writeFileSync(path, JSON.stringify({ unified: { "pids.max": "7", "cpu.max": "max 100000" } }));
  t.match(update(c, "-r", path), { status: 0 });
  t.match(values(c), { "pids.max": "7", "cpu.max": "max 100000" });
  t.match(updateFrom(c, { Memory: { LIMIT: 48 * M } }), { status: 0 }, "in any case, as Go reads");
  t.equal(file(c, "memory.max"), String(48 * M));
});

t.test(
  "swap",
  {
    skip:
      limits.skip ||
      (existsSync("/proc/swaps") &&
        !hasSwapAccounting() &&
        "needs a kernel that accounts for swap"),
  },
  async (t) => {
    const c = sleeper(t, initial);
    t.match(update(c, "--memory", "30M", "--memory-swap", "50M"), { status: 0 });
    t.equal(file(c, "memory.swap.max"), String(20 * M));
    t.match(update(c, "--memory-swap", "60M"), { status: 0 });
    t.equal(file(c, "memory.swap.max"), String(30 * M), "with the limit that there is");
    t.match(update(c, "--memory", "40M"), { status: 0 });
    t.equal(file(c, "memory.swap.max"), String(20 * M), "together they stay what they were");
    t.match(update(c, "--memory", "70M"), {
      status: 1,
      stderr: /memory\+swap limit should be >= memory limit/,
    });
    t.match(update(c, "--memory", "-1"), { status: 0 });
    t.equal(file(c, "memory.swap.max"), "max");
  },
);

function hasSwapAccounting(): boolean {
  return readdirSync("/sys/fs/cgroup").some((name) =>
    existsSync(`/sys/fs/cgroup/${name}/memory.swap.max`),
  );
}

t.test(
  "all or nothing: what was written is put back when a later value is refused",
  {
    skip: limits.skip || onlyTsrun("putting back"),
  },
  async (t) => {
    const c = sleeper(t, initial);
    const before = values(c);
    const { status, stderr } = updateFrom(c, {
      memory: { limit: 64 * M },
      pids: { limit: 30 },
      cpu: { shares: 500, quota: 10_000, period: 100_000 },
      unified: { "memory.high": "lots" },
    });
    t.equal(status, 1);
    t.match(stderr, 'unable to write \\"lots\\" to /sys/fs/cgroup/tests/');
    t.match(stderr, "memory.high: invalid argument (EINVAL)");
    t.match(stderr, "put back as before: cpu.max, cpu.weight, memory.max, pids.max");
    t.match(stderr, /\/linux\/resources\/unified\/memory.high at standard input:1:\d+/);
    t.strictSame(values(c), before);
    t.match(update(c, "--cpu-period", "900000"), { status: 0 });
    t.equal(file(c, "cpu.max"), "500000 900000", "nor is what failed remembered");
  },
);

t.test("with checkBeforeUpdate a limit below the usage is refused", limits, async (t) => {
  const c = sleeper(t, initial);
  const refused = updateFrom(c, { memory: { limit: 1024, checkBeforeUpdate: true } });
  t.match(refused, { status: 1, stderr: /rejecting memory limit 1024 <= usage \d+/ });
  const both = updateFrom(c, { memory: { limit: 1024, swap: 2048, checkBeforeUpdate: true } });
  t.match(both, { status: 1, stderr: /rejecting memory\+swap limit 2048 <= usage \d+/ });
  t.equal(file(c, "memory.max"), String(32 * M));
  update(c, "--memory", "1024");
  t.ok(c.waitFor("stopped"), "without it the kernel kills");
});

t.test(
  "device rules are replaced, and nothing else replaces them",
  {
    skip: requires("unified-cgroup") || notWith("runc", "it ignores device rules of an update"),
  },
  async (t) => {
    const c = prepare(t, (config) => {
      config.process.args = shell(
        "mknod /dev/log c 1 11; while :; do (exec 3</dev/log) 2>/dev/null && echo may || echo may not; sleep 0.2; done",
      );
      config.process.capabilities = {
        bounding: ["CAP_MKNOD", "CAP_SYSLOG"],
        effective: ["CAP_MKNOD", "CAP_SYSLOG"],
        permitted: ["CAP_MKNOD", "CAP_SYSLOG"],
      };
      config.linux.resources = { devices: [{ allow: false, access: "rwm" }] };
    });
    c.create();
    c.start();
    const last = (): string => c.stdout().trimEnd().split("\n").at(-1) ?? "";
    t.ok(
      until(() => last() === "may not"),
      c.stdout() + c.stderr(),
    );
    const open = { allow: true, type: "c", major: 1, minor: 11, access: "r" };
    t.match(updateFrom(c, { devices: [{ allow: false, access: "rwm" }, open] }), { status: 0 });
    t.ok(until(() => last() === "may"));
    t.match(updateFrom(c, { devices: [{ allow: true, access: "rwm" }] }), { status: 0 });
    t.ok(
      until(() => last() === "may"),
      "all are allowed",
    );
    t.match(updateFrom(c, { devices: [{ allow: false, access: "rwm" }] }), { status: 0 });
    t.ok(until(() => last() === "may not"));
    t.match(updateFrom(c, { unified: {} }), { status: 0 });
    t.ok(until(() => last() === "may not"));
  },
);

t.test(
  "block io rates are changed for one device at a time",
  {
    skip: requires("unified-cgroup", "io") || (blockDevice() === null && "needs a block device"),
  },
  async (t) => {
    const [major, minor] = blockDevice()!;
    const c = sleeper(t, (config) => {
      config.linux.resources = {
        blockIO: { throttleReadBpsDevice: [{ major, minor, rate: 485_760 }] },
      };
    });
    const change = {
      throttleReadBpsDevice: [{ major, minor, rate: 10_485_760 }],
      throttleWriteIOPSDevice: [{ major, minor, rate: 900 }],
    };
    t.match(updateFrom(c, { blockIO: change }), { status: 0 });
    const line = `${major}:${minor} rbps=10485760 wbps=max riops=max wiops=900`;
    t.equal(file(c, "io.max"), line);
    t.equal(
      updateFrom(c, { blockIO: { throttleReadBpsDevice: [{ major: 4000, minor: 0, rate: 1 }] } })
        .status,
      1,
    );
    t.equal(file(c, "io.max"), line);
  },
);

t.test("a paused container is updated and stays paused", limits, async (t) => {
  const c = sleeper(t, initial);
  c.start();
  c.call(["pause", c.id]);
  t.match(update(c, "--pids-limit", "30"), { status: 0 });
  t.equal(c.status(), "paused");
  t.equal(file(c, "pids.max"), "30");
});

t.test("a stopped container and one that is not there are refused", async (t) => {
  const c = sleeper(t, (config) => (config.process.args = ["true"]));
  c.start();
  t.ok(c.waitFor("stopped"));
  t.match(update(c, "--pids-limit", "10"), {
    status: 1,
    stderr: kind === "crun" ? /./ : /container not running/,
  });
  t.match(c.call(["update", "--pids-limit", "10", "none"]), {
    status: 1,
    stderr: /container does not exist/,
  });
});

t.test(
  "values that are none are refused in Go's words",
  {
    skip: notWith("crun", "has words of its own"),
  },
  async (t) => {
    const c = sleeper(t);
    const cases: [string[], string | RegExp][] = [
      [["--memory", "abc"], "invalid value for memory: invalid size: 'abc'"],
      [["--memory-swap", "5x"], /invalid value for memory-swap: invalid (suffix: 'x'|size: '5x')/],
      [
        ["--cpu-period", "1.5"],
        'invalid value for cpu-period: strconv.ParseUint: parsing \\"1.5\\": invalid syntax',
      ],
      [
        ["--cpu-quota", "9223372036854775808"],
        'invalid value for cpu-quota: strconv.ParseInt: parsing \\"9223372036854775808\\": value out of range',
      ],
    ];
    for (const [flags, message] of cases) {
      t.match(update(c, ...flags), { status: 1, stderr: message });
    }
    t.match(update(c, "--resources", "/nowhere"), {
      status: 1,
      stderr: "open /nowhere: no such file or directory",
    });
  },
);

t.test(
  "a file that is wrong is refused with the place in it",
  {
    skip: onlyTsrun("the place"),
  },
  async (t) => {
    const c = sleeper(t);
    const path = join(c.bundle, "resources.json");
    const refused = (text: string): string => {
      writeFileSync(path, text);
      const { status, stderr } = update(c, "-r", path);
      t.equal(status, 1);
      return stderr;
    };
    t.match(refused('{\n  "memory": { "limit": "64m" }\n}'), `${path}:2:`);
    t.match(refused('{ "pids": { "limit": 5 }'), "is not valid JSON");
    t.match(refused('{ "unified": { "a/b": "" } }'), "must be a file name (no slashes)");
    t.match(refused('{ "devices": [{ "allow": true, "access": "x" }] }'), /access/);
  },
);

t.test(
  "what v2 does not have is said, and what this host does not have is an error",
  {
    skip: notWith("crun", "has words of its own") || runcBefore("1.2", "uses cgroup v1 here"),
  },
  async (t) => {
    const c = sleeper(t);
    t.match(update(c, "--kernel-memory", "16M"), {
      status: 0,
      stderr: /Kernel memory settings are ignored and will be removed/,
    });
    if (kind === "tsrun") {
      t.match(update(c, "--cpu-rt-runtime", "1000"), {
        status: 0,
        stderr: /linux.resources.cpu.realtimeRuntime is ignored: cgroup v2 has nothing like it/,
      });
    }
    if (existsSync("/sys/fs/resctrl/info")) return;
    t.match(update(c, "--l3-cache-schema", "L3:0=f"), {
      status: 1,
      stderr: /Intel RDT\/CAT: l3 cache schema is not enabled/,
    });
    t.match(update(c, "--mem-bw-schema", "MB:0=20"), {
      status: 1,
      stderr: /Intel RDT\/MBA: memory bandwidth schema is not enabled/,
    });
  },
);

t.test(
  "on a host whose controllers are on v1, a limit is an error that says so",
  {
    skip: requires("hybrid-cgroup") || onlyTsrun("v2 alone"),
  },
  async (t) => {
    const c = sleeper(t);
    const { status, stderr } = update(c, "--memory", "64M");
    t.equal(status, 1);
    t.match(
      stderr,
      /linux.resources.memory.limit can't be set: controller \\"memory\\" not available/,
    );
    t.match(update(c, "--memory", "-1"), { status: 0 }, "there is no limit");
  },
);
