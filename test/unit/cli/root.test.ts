import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";

import { preparePersonalRoot, resolveRoot, type RootFacts } from "../../../src/cli/root.ts";

const root: RootFacts = {
  euid: 0,
  runtimeDirectory: "/run/user/0",
  user: "root",
  inUserNamespace: () => false,
};
const user: RootFacts = { ...root, euid: 1000, runtimeDirectory: "/run/user/1000", user: "u" };

t.test("root's state is in /run/tsrun, whatever XDG_RUNTIME_DIR says", async (t) => {
  t.same(resolveRoot(undefined, root), { path: "/run/tsrun", explicit: false, personal: false });
  t.equal(resolveRoot(undefined, { ...root, user: undefined }).path, "/run/tsrun");
});

t.test("a user's state is in XDG_RUNTIME_DIR", async (t) => {
  t.same(resolveRoot(undefined, user), {
    path: "/run/user/1000/tsrun",
    explicit: false,
    personal: true,
  });
});

t.test("an empty XDG_RUNTIME_DIR is none", async (t) => {
  for (const runtimeDirectory of ["", undefined]) {
    t.equal(resolveRoot(undefined, { ...user, runtimeDirectory }).path, "/run/tsrun");
  }
});

t.test("root of a user namespace follows XDG_RUNTIME_DIR unless USER is root", async (t) => {
  const nested = { ...root, inUserNamespace: () => true };
  t.equal(resolveRoot(undefined, { ...nested, user: undefined }).path, "/run/user/0/tsrun");
  t.equal(resolveRoot(undefined, { ...nested, user: "u" }).path, "/run/user/0/tsrun");
  t.equal(resolveRoot(undefined, nested).path, "/run/tsrun");
});

t.test("--root is made absolute and wins", async (t) => {
  t.same(resolveRoot("/a/../b/", user), { path: "/b", explicit: true, personal: false });
  t.equal(resolveRoot("r", root).path, `${process.cwd()}/r`);
});

t.test("--root must not be /", async (t) => {
  for (const path of ["/", "//", "/a/.."]) {
    t.throws(() => resolveRoot(path, root), {
      code: "USAGE",
      message: "Option --root argument should not be set to /",
    });
  }
});

t.test("a personal root is made sticky, any other is left to those who use it", async (t) => {
  const path = join(t.testdir(), "a", "tsrun");
  preparePersonalRoot({ path, explicit: true, personal: false });
  t.notOk(existsSync(path));
  preparePersonalRoot({ path, explicit: false, personal: true });
  t.equal(statSync(path).mode & 0o7777, 0o1700);
  preparePersonalRoot({ path, explicit: false, personal: true });
});
