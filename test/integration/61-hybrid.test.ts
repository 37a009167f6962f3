// Hosts where cgroup v1 hierarchies have the controllers and the v2 tree few or none.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Resources } from "../../src/spec/types.ts";
import { prepare, shell } from "./support/container.ts";
import { cgroupMount, requires } from "./support/host.ts";
import { nothing, remainsOf } from "./support/remains.ts";
import { execute, kind, notWith, onlyTsrun, run } from "./support/runtime.ts";

t.setTimeout(170_000);

const hybrid = { skip: requires("hybrid-cgroup") || notWith("crun", "refuses such hosts") };
const ours = { skip: requires("hybrid-cgroup") || onlyTsrun("cgroup v2 alone") };

const limits: [field: string, controller: string, resources: Resources][] = [
  ["linux.resources.memory.limit", "memory", { memory: { limit: 64 << 20 } }],
  ["linux.resources.cpu.quota", "cpu", { cpu: { quota: 50_000 } }],
  ["linux.resources.cpu.shares", "cpu", { cpu: { shares: 512 } }],
  ["linux.resources.cpu.cpus", "cpuset", { cpu: { cpus: "0" } }],
  ["linux.resources.pids.limit", "pids", { pids: { limit: 10 } }],
  ["linux.resources.blockIO.weight", "io", { blockIO: { weight: 100 } }],
];

t.test("a limit whose controller is not on v2 is an error that names both", ours, async (t) => {
  for (const [field, controller, resources] of limits) {
    const c = prepare(t, (config) => (config.linux.resources = resources));
    const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
    t.equal(status, 1, field);
    t.match(stderr, `${field} can't be set`);
    t.match(stderr, new RegExp(`controller \\\\*"${controller}\\\\*" not available`));
    t.match(stderr, /config\.json:\d+:\d+/);
    t.match(stderr, "hint: ");
    t.strictSame(remainsOf(c), nothing, "and nothing is left");
  }
});

t.test(
  "a unified value whose controller is not on v2 is an error that names both",
  ours,
  async (t) => {
    const c = prepare(t, (config) => {
      config.linux.resources = { unified: { "memory.high": "1000000" } };
    });
    const { status, stderr } = c.call(["create", "--bundle", c.bundle, c.id]);
    t.equal(status, 1);
    t.match(stderr, "memory.high");
    t.match(stderr, /controller \\*"memory\\*" not available/);
    t.strictSame(remainsOf(c), nothing);
  },
);

t.test("values that lift a limit ask for nothing", ours, async (t) => {
  const c = prepare(t, (config) => {
    config.linux.resources = { memory: { limit: -1 }, pids: { limit: -1 }, cpu: { quota: -1 } };
    config.process.args = ["true"];
  });
  t.match(c.run(), { status: 0, stderr: "" });
});

t.test("the container is in a cgroup of its own in the v2 tree", hybrid, async (t) => {
  const c = prepare(t, (config) => (config.process.args = ["sleep", "100"]));
  c.configure((config) => (config.linux.cgroupsPath = `/${c.id}`));
  c.create();
  const { pid } = c.state();
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n");
  t.ok(lines.includes(`0::/${c.id}`));
  t.ok(existsSync(join(cgroupMount(), c.id)));
  t.match(c.delete("--force"), { status: 0 });
  t.notOk(existsSync(join(cgroupMount(), c.id)));
});

t.test("the config that spec writes runs, with its device rules", hybrid, async (t) => {
  const c = prepare(t);
  const made = execute("rm", [join(c.bundle, "config.json")]);
  t.equal(made.status, 0);
  t.match(run(["spec"], { cwd: c.bundle }), { status: 0 });
  const config = JSON.parse(readFileSync(join(c.bundle, "config.json"), "utf8"));
  t.strictSame(config.linux.resources.devices, [{ allow: false, access: "rwm" }]);
  config.process.terminal = false;
  config.process.args = shell("echo x > /dev/null; head -c 2 /dev/zero | wc -c; echo done");
  const { writeFileSync } = await import("node:fs");
  writeFileSync(join(c.bundle, "config.json"), JSON.stringify(config));
  const { status, stdout } = c.run();
  t.equal(status, 0, c.stderr());
  t.match(stdout, /2\ndone\n/);
  if (kind === "tsrun") t.equal(c.stderr(), "", "without a warning");
});

t.test("device rules are enforced by a program on the v2 cgroup", hybrid, async (t) => {
  const c = prepare(t, (config) => {
    config.linux.resources = { devices: [{ allow: false, access: "rwm" }] };
    for (const set of ["bounding", "permitted", "effective"] as const) {
      config.process.capabilities![set]!.push("CAP_MKNOD");
    }
    config.process.args = shell(
      "mknod /tmp/mem c 1 1; (: < /tmp/mem) 2> /dev/null && echo opened || echo denied; (: < /dev/zero) && echo zero",
    );
  });
  t.equal(c.run().stdout, "denied\nzero\n");
});
