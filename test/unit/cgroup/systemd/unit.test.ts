import t from "tap";
import { expandSlice, readUnitName } from "../../../../src/cgroup/systemd/unit.ts";

const root = { id: "web", user: false };

t.test("slice, prefix and name make a scope in a slice", async (t) => {
  t.strictSame(readUnitName("machine.slice:pre:x", root), {
    unit: "pre-x.scope",
    slice: "machine.slice",
  });
});

t.test("what is left out is chosen", async (t) => {
  const defaults = { unit: "runc-web.scope", slice: "system.slice" };
  t.strictSame(readUnitName(undefined, root), defaults);
  t.strictSame(readUnitName("", root), defaults);
  t.strictSame(readUnitName(undefined, { ...root, user: true }).slice, "user.slice");
  t.strictSame(readUnitName("::x", root), { unit: "x.scope", slice: "system.slice" });
});

t.test("anything else is an error that tells the form", async (t) => {
  for (const path of ["/a/b", "a", "a:b", "a:b:c:d", "a.slice:b:"]) {
    t.throws(() => readUnitName(path, root), {
      code: "CONFIG_INVALID",
      message: `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got ${JSON.stringify(path)} instead`,
      pointer: "/linux/cgroupsPath",
    });
  }
});

t.test("a container cannot be a slice", async (t) => {
  t.throws(() => readUnitName("system.slice:x:y.slice", root), { code: "CONFIG_UNSUPPORTED" });
});

t.test("dashes in a slice are levels", async (t) => {
  t.equal(expandSlice("-.slice"), "");
  t.equal(expandSlice("a.slice"), "/a.slice");
  t.equal(expandSlice("a-b-c.slice"), "/a.slice/a-b.slice/a-b-c.slice");
});

t.test("an impossible slice is an error", async (t) => {
  for (const slice of [
    "a",
    "a.service",
    ".slice",
    "-a.slice",
    "a-.slice",
    "a--b.slice",
    "a/b.slice",
  ])
    t.throws(() => expandSlice(slice), { message: `invalid slice name: ${slice}` }, slice);
});
