import { mkdirSync } from "node:fs";
import { join } from "node:path";

import t, { type Test } from "tap";

import { mountpointOf } from "../../../src/cgroup/layout.ts";
import { planGroups, planResctrl } from "../../../src/resctrl/plan.ts";
import { findResctrl } from "../../../src/resctrl/root.ts";

/** A directory with what the kernel shows of a machine with both resources, and a class "gold". */
function tree(test: Test, resources: readonly string[] = ["L3", "MB"]): string {
  const root = test.testdir({ info: {}, gold: {} });
  for (const resource of resources) mkdirSync(join(root, "info", resource));
  return root;
}

t.test("resctrl is found where it is mounted", async (t) => {
  const line = "40 30 0:36 / /sys/fs/resctrl rw,relatime shared:9 - resctrl resctrl rw\n";
  t.equal(
    mountpointOf("resctrl", `24 30 0:22 / /proc rw - proc proc rw\n${line}`),
    "/sys/fs/resctrl",
  );
  t.equal(mountpointOf("resctrl", line.replace("/sys/fs/resctrl", "/my\\040rdt")), "/my rdt");
  t.equal(
    mountpointOf("resctrl", "24 30 0:22 / /sys/fs/resctrl rw - tmpfs resctrl rw\n"),
    undefined,
  );
});

t.test("nothing is looked for when config.json does not ask for it", async (t) => {
  t.equal(planResctrl(undefined, "c1"), null);
});

t.test(
  "without resctrl it is an error",
  { skip: findResctrl() !== undefined && "there is resctrl" },
  async (t) => {
    t.throws(() => planResctrl({ closID: "gold" }, "c1"), {
      message: "intelRdt is specified in config, but Intel RDT is not supported or enabled",
      pointer: "/linux/intelRdt",
    });
  },
);

t.test("a class is named by the container's id, or by closID", async (t) => {
  const root = tree(t);
  const at = { root, id: "c1" };
  t.strictSame(planGroups({}, at).group, { root, path: `${root}/c1`, made: true });
  t.strictSame(planGroups({ closID: "gold" }, at).group, {
    root,
    path: `${root}/gold`,
    made: false,
  });
  t.strictSame(planGroups({ closID: "/" }, at).group, { root, path: root, made: false });
  t.match(planGroups({ closID: "new", schemata: ["MB:0=50"] }, at).group, { made: false });
  mkdirSync(join(root, "c1"));
  t.match(planGroups({}, at).group, { path: `${root}/c1`, made: false }, "not by this container");
});

t.test("L3 comes first, then memory bandwidth, then the schemata", async (t) => {
  const intelRdt = {
    schemata: ["L2:0=f", "L3:0=f"],
    memBwSchema: "MB:0=20",
    l3CacheSchema: "L3:0=ff",
  };
  t.strictSame(planGroups(intelRdt, { root: tree(t), id: "c1" }).writes, [
    { text: "L3:0=ff\n", pointer: "/linux/intelRdt/l3CacheSchema" },
    { text: "MB:0=20\n", pointer: "/linux/intelRdt/memBwSchema" },
    { text: "L2:0=f\nL3:0=f\n", pointer: "/linux/intelRdt/schemata" },
  ]);
  t.strictSame(planGroups({ closID: "gold" }, { root: tree(t), id: "c1" }).writes, []);
});

t.test("a class without any schema must be there", async (t) => {
  const root = tree(t);
  t.throws(() => planGroups({ closID: "silver" }, { root, id: "c1" }), {
    message: /^clos dir not accessible \(must be pre-created .*: stat .*\/silver: no such file/,
    pointer: "/linux/intelRdt/closID",
  });
  t.doesNotThrow(() => planGroups({ closID: "silver", schemata: ["MB:0=50"] }, { root, id: "c1" }));
});

t.test("what the hardware does not share out is an error that names the field", async (t) => {
  const at = { root: tree(t, []), id: "c1" };
  t.throws(() => planGroups({ l3CacheSchema: "L3:0=f" }, at), {
    message: "intelRdt.l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled",
    pointer: "/linux/intelRdt/l3CacheSchema",
  });
  t.throws(() => planGroups({ memBwSchema: "MB:0=20" }, at), {
    message: "intelRdt.memBwSchema is specified in config, but Intel RDT/MBA is not enabled",
    pointer: "/linux/intelRdt/memBwSchema",
  });
});

t.test("monitoring has a group of the container's below the class", async (t) => {
  const root = tree(t);
  const plan = (closID?: string) =>
    planGroups({ closID, enableMonitoring: true }, { root, id: "c1" });
  t.equal(plan().group.monitor, `${root}/c1/mon_groups/c1`);
  t.equal(plan("gold").group.monitor, `${root}/gold/mon_groups/c1`);
  t.equal(plan("/").group.monitor, `${root}/mon_groups/c1`);
});
