import t from "tap";
import type { CgroupPlan } from "../../../src/cgroup/plan.ts";
import { planCreate } from "../../../src/plan/create.ts";
import { explainPlan, renderSteps, type Step } from "../../../src/plan/explain.ts";
import type { Spec } from "../../../src/spec/types.ts";
import { maps, options, rootFacts, specWith } from "./specs.ts";

const cgroup: CgroupPlan = {
  path: "/sys/fs/cgroup/c1",
  mountpoint: "/sys/fs/cgroup",
  controllers: ["memory"],
  available: ["memory"],
  writes: [{ file: "memory.max", value: "1048576", origin: "/linux/resources/memory/limit" }],
  devices: null,
  owner: null,
  rootless: false,
  warnings: [],
};

function explain(change: (spec: Spec) => void = () => {}): Step[] {
  const plan = planCreate(specWith(change), rootFacts, options);
  return explainPlan(plan, cgroup, (pointer) =>
    pointer.startsWith("/mounts/") ? { line: 10 + Number(pointer.slice(8)), column: 5 } : undefined,
  );
}

const texts = (steps: readonly Step[]): string[] => steps.map(({ who, what }) => `${who}: ${what}`);

t.test("the cgroup and its limits come first, then init", async (t) => {
  t.same(texts(explain()).slice(0, 3), [
    "runtime: create cgroup /sys/fs/cgroup/c1",
    "runtime: write memory.max = 1048576",
    "runtime: start init in new ipc, mount, network, pid, uts namespaces",
  ]);
});

t.test("a scope of systemd comes when init is there to be put into it", async (t) => {
  const scope = {
    instance: "system",
    unit: "runc-c1.scope",
    controlGroup: "/system.slice/runc-c1.scope",
    properties: [["MemoryMax", "t", 1048576n]],
  } as const;
  const plan = planCreate(
    specWith(() => {}),
    rootFacts,
    { ...options, entersScope: true },
  );
  const steps = explainPlan(plan, { ...cgroup, scope }, () => undefined);
  t.same(texts(steps).slice(0, 4), [
    "runtime: start init in new ipc, mount, network, pid, uts namespaces",
    "init: wait for the cgroup",
    "runtime: have systemd start runc-c1.scope, with init in it, as cgroup /sys/fs/cgroup/c1",
    "runtime: write memory.max = 1048576",
  ]);
  t.same(steps[2]!.details, ["MemoryMax=1048576"]);
});

t.test("a mount is one step, with what it comes to and its place in config.json", async (t) => {
  const steps = explain().filter(({ pointer }) => pointer === "/mounts/3");
  t.same(steps, [
    {
      who: "init",
      what: 'mount "shm" to rootfs at "/dev/shm"',
      pointer: "/mounts/3",
      details: ["new tmpfs, mode=1777, size=65536k, nosuid, nodev, noexec"],
      line: 13,
      column: 5,
    },
  ]);
});

t.test("a bind tells its flags and its propagation", async (t) => {
  const mount = { destination: "/mnt", source: "/src", options: ["rbind", "ro", "rslave"] };
  t.match(
    explain((spec) => (spec.mounts = [mount])).find(({ pointer }) => pointer === "/mounts/0"),
    {
      details: [
        "bind of /src with what is mounted below",
        "ro, no other flags",
        "slave with what is mounted below",
      ],
    },
  );
});

t.test("what the runtime does stands where init waits for it", async (t) => {
  const steps = texts(
    explain((spec) => {
      spec.linux!.namespaces!.push({ type: "user" });
      spec.linux!.uidMappings = maps;
      spec.linux!.gidMappings = maps;
      spec.hooks = { createRuntime: [{ path: "/bin/net" }], poststop: [{ path: "/bin/gone" }] };
    }),
  );
  const inOrder = [
    "runtime: write gid_map",
    "runtime: write uid_map",
    "init: become root in the user namespace",
    "init: wait for the hooks",
    "runtime: run createRuntime hook /bin/net",
    "init: pivot into the rootfs",
    "runtime: set RLIMIT_NOFILE to 1024:1024",
    "runtime: write state.json",
    "init: execute sh",
    "runtime: run poststop hook /bin/gone",
  ];
  t.same(
    steps.filter((step) => inOrder.includes(step)),
    inOrder,
  );
});

t.test("capabilities are told by their names", async (t) => {
  t.match(
    explain().find(({ what }) => what === "set capabilities"),
    {
      details: [/^effective CAP_KILL CAP_NET_BIND_SERVICE CAP_AUDIT_WRITE; .*; inheritable none$/],
    },
  );
});

t.test(
  "the text has a line for each step, with its number and its line in config.json",
  async (t) => {
    const steps = explain();
    const lines = renderSteps(steps).trimEnd().split("\n");
    t.equal(lines.length, steps.length + 1);
    t.match(lines[0], /^ +line  who      what$/);
    t.match(lines[1], /^ 1 +-  runtime  create cgroup \/sys\/fs\/cgroup\/c1 \(enable memory\)$/);
    t.ok(lines.some((line) => / 13  init     mount "shm"/.test(line)));
    t.ok(lines.some((line) => line.endsWith("set ambient capabilities (none) [may fail]")));
  },
);

t.test("no cgroup is a step too", async (t) => {
  const plan = planCreate(
    specWith(() => {}),
    rootFacts,
    options,
  );
  t.equal(explainPlan(plan, null, () => undefined)[0]?.what, "make no cgroup");
});
