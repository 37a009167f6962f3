import t from "tap";
import type { CgroupLayout } from "../../../src/cgroup/layout.ts";
import { placeCgroup } from "../../../src/cgroup/path.ts";

const at = (ownPath: string): CgroupLayout => ({
  mode: "unified",
  mountpoint: "/cg",
  controllers: [],
  v1Controllers: [],
  ownPath,
});

const cases: [what: string, cgroupsPath: string | undefined, ownPath: string, expected: string][] =
  [
    [
      "an absolute path counts from the mount point",
      "/docker/abc",
      "/user/session",
      "/cg/docker/abc",
    ],
    ["a relative path goes beside the own cgroup", "a/b", "/user/session", "/cg/user/a/b"],
    ["no path is the id, beside the own cgroup", undefined, "/user/session", "/cg/user/web"],
    ["an empty path is the id", "", "/user/session", "/cg/user/web"],
    ["the root's children go beside nothing", "a", "/", "/cg/a"],
    [".. in an absolute path stays below the mount point", "/../../etc/x", "/", "/cg/etc/x"],
    [".. in a relative path stays below the parent", "../../x", "/user/session", "/cg/user/x"],
    [".. in the middle is resolved", "/a/../b//c/./", "/", "/cg/b/c"],
    [
      "colons mean nothing without the systemd driver",
      "system.slice:docker:a",
      "/",
      "/cg/system.slice:docker:a",
    ],
  ];

for (const [what, cgroupsPath, ownPath, expected] of cases) {
  t.test(what, async (t) => t.equal(placeCgroup(cgroupsPath, at(ownPath), "web"), expected));
}

for (const path of ["/", "/..", ".", "a/.."]) {
  t.test(`${path} names no cgroup and is refused`, async (t) => {
    t.throws(() => placeCgroup(path, at("/user/session"), "web"), {
      code: "CGROUP",
      pointer: "/linux/cgroupsPath",
    });
  });
}
