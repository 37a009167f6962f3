import t from "tap";
import type { CgroupLayout } from "../../../src/cgroup/layout.ts";
import { fieldName, planCgroup } from "../../../src/cgroup/plan.ts";
import type { Linux } from "../../../src/spec/types.ts";

const unified: CgroupLayout = {
  mode: "unified",
  mountpoint: "/sys/fs/cgroup",
  controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids"],
  v1Controllers: [],
  ownPath: "/init.scope",
  writable: true,
};
const hybrid: CgroupLayout = {
  ...unified,
  mode: "hybrid",
  mountpoint: "/sys/fs/cgroup/unified",
  controllers: ["hugetlb"],
  v1Controllers: ["cpu", "memory", "blkio", "pids"],
};
const options = { id: "web", rootless: false, systemd: null };
const denyAll: Linux = { resources: { devices: [{ allow: false, access: "rwm" }] } };

t.test(
  "the plan names the directory, the controllers that are needed, and the writes",
  async (t) => {
    const plan = planCgroup(
      {
        cgroupsPath: "/a/b",
        resources: {
          memory: { limit: 1000 },
          pids: { limit: 2 },
          unified: { "cgroup.max.depth": "1", "memory.high": "900" },
        },
      },
      unified,
      options,
    );
    t.match(plan, {
      path: "/sys/fs/cgroup/a/b",
      mountpoint: "/sys/fs/cgroup",
      controllers: ["pids", "memory"],
      available: unified.controllers,
      owner: null,
      rootless: false,
      warnings: [],
    });
    t.strictSame(
      plan?.writes.map(({ file, value }) => `${file}=${value}`),
      ["pids.max=2", "memory.max=1000", "cgroup.max.depth=1", "memory.high=900"],
    );
  },
);

t.test("the default config works without any controller: devices need none", async (t) => {
  const plan = planCgroup(denyAll, { ...hybrid, controllers: [] }, options);
  t.strictSame(plan?.controllers, []);
  t.ok(plan?.devices);
});

t.test("a privileged container gets no device program", async (t) => {
  t.equal(
    planCgroup({ resources: { devices: [{ allow: true, access: "rwm" }] } }, unified, options)
      ?.devices,
    null,
  );
});

t.test("limits whose controller is on v1 are refused, all by name", async (t) => {
  t.throws(
    () => planCgroup({ resources: { memory: { limit: 1 }, cpu: { shares: 2 } } }, hybrid, options),
    {
      code: "CGROUP",
      pointer: "/linux/resources/memory/limit",
      message:
        'linux.resources.memory.limit can\'t be set: controller "memory" not available: it is on a cgroup v1 hierarchy on this host; the same goes for linux.resources.cpu.shares',
      hint: /cgroup_no_v1=memory/,
    },
  );
});

t.test("io of v2 is blkio of v1", async (t) => {
  t.throws(() => planCgroup({ resources: { blockIO: { weight: 100 } } }, hybrid, options), {
    message: /controller "io" not available: it is on a cgroup v1 hierarchy/,
    hint: /cgroup_no_v1=blkio/,
  });
});

t.test("a controller that is nowhere is named too", async (t) => {
  t.throws(() => planCgroup({ resources: { unified: { "misc.max": "x 1" } } }, unified, options), {
    code: "CGROUP",
    pointer: "/linux/resources/unified/misc.max",
    message: /^unified resource "misc\.max" can't be set: controller "misc" not available/,
    hint: "controllers here: cpuset cpu io memory hugetlb pids",
  });
});

t.test("no limit is no limit, controller or not", async (t) => {
  const plan = planCgroup(
    { resources: { memory: { limit: -1 }, pids: { limit: -1 } } },
    hybrid,
    options,
  );
  t.strictSame(plan?.writes, []);
});

t.test("with the systemd driver the cgroup is that of a scope", async (t) => {
  const systemd = { instance: "user", version: 257, controlGroup: "/user.slice/a" } as const;
  const plan = planCgroup({ cgroupsPath: "a-b.slice:x:y" }, unified, { ...options, systemd })!;
  t.equal(plan.path, "/sys/fs/cgroup/user.slice/a/a.slice/a-b.slice/x-y.scope");
  t.match(plan.scope, { unit: "x-y.scope", instance: "user" });
  const names = plan.scope!.properties.map(([name]) => name);
  t.equal(new Set(names).size, names.length, "each property once");
});

t.test("without a v2 tree there is no container", async (t) => {
  t.throws(() => planCgroup(undefined, { ...unified, mode: "none", mountpoint: "" }, options), {
    code: "CGROUP",
    hint: /mount -t cgroup2/,
  });
});

t.test("rootless without rights", async (t) => {
  const rootless = { ...options, rootless: true };
  for (const layout of [
    { ...unified, writable: false },
    { ...unified, mode: "none" as const },
  ]) {
    t.equal(planCgroup(denyAll, layout, rootless), null, "no limits: no cgroup");
    t.equal(
      planCgroup({ resources: { pids: { limit: -1 } } }, { ...layout, controllers: [] }, rootless),
      null,
      "no limit either",
    );
    t.throws(() => planCgroup({ resources: { pids: { limit: 5 } } }, layout, rootless), {
      code: "CGROUP",
      pointer: "/linux/resources/pids/limit",
      message:
        /rootless needs no limits \+ no cgrouppath when no permission is granted for cgroups/,
    });
  }
  t.ok(planCgroup(denyAll, unified, rootless), "with rights: as root");
  t.ok(
    planCgroup({ cgroupsPath: "/x" }, { ...unified, writable: false }, rootless),
    "a path asked for is tried",
  );
});

t.test("the owner is handed on", async (t) => {
  t.equal(planCgroup(denyAll, unified, { ...options, owner: 100000 })?.owner, 100000);
});

t.test("fields have the names people know", async (t) => {
  t.equal(fieldName("/linux/resources/memory/limit"), "linux.resources.memory.limit");
  t.equal(
    fieldName("/linux/resources/blockIO/weightDevice/3/weight"),
    "linux.resources.blockIO.weightDevice[3].weight",
  );
  t.equal(fieldName("/linux/resources/unified/memory.high"), 'unified resource "memory.high"');
});
