import t from "tap";
import { cgroupOwner } from "../../../src/cgroup/owner.ts";
import type { Spec } from "../../../src/spec/types.ts";

const mount = {
  destination: "/sys/fs/cgroup",
  type: "cgroup",
  source: "cgroup",
  options: ["nosuid", "rw"],
};
const spec = (changes: Partial<Spec>): Spec => ({
  process: { cwd: "/", user: { uid: 5 } },
  mounts: [mount],
  linux: {
    namespaces: [{ type: "cgroup" }, { type: "user" }],
    uidMappings: [
      { containerID: 0, hostID: 1000, size: 1 },
      { containerID: 1, hostID: 100000, size: 100 },
    ],
  },
  ...changes,
});

t.test("the host uid of the container's user gets the cgroup", async (t) => {
  t.equal(cgroupOwner(spec({})), 100004);
  t.equal(cgroupOwner(spec({ process: { cwd: "/", user: {} } })), 1000);
});

t.test("without a user namespace uids are the host's", async (t) => {
  t.equal(cgroupOwner(spec({ linux: { namespaces: [{ type: "cgroup" }] } })), 5);
});

t.test("nobody gets it", async (t) => {
  const none: [string, Partial<Spec>][] = [
    ["without a cgroup namespace", { linux: { namespaces: [{ type: "user" }] } }],
    [
      "in a joined cgroup namespace",
      { linux: { namespaces: [{ type: "cgroup", path: "/proc/1/ns/cgroup" }] } },
    ],
    ["without a cgroup mount", { mounts: [] }],
    ["with a read-only cgroup mount", { mounts: [{ ...mount, options: ["rw", "ro"] }] }],
    ["with a bind mount there", { mounts: [{ ...mount, type: "bind" }] }],
    ["when the uid is not mapped", { process: { cwd: "/", user: { uid: 500 } } }],
  ];
  for (const [when, changes] of none) t.equal(cgroupOwner(spec(changes)), null, when);
});
