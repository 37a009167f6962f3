import t from "tap";
import {
  describeLayout,
  parseMountinfo,
  parseOwnPath,
  readLayout,
} from "../../../src/cgroup/layout.ts";

const unified = `24 30 0:22 / /proc rw,nosuid shared:5 - proc proc rw
29 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
`;
const hybrid = `30 22 0:27 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:3 - cgroup cgroup rw,cpu,cpuacct
34 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory,release_agent=/x
39 30 0:36 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
40 30 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`;

t.test("a host with v2 alone is unified", async (t) => {
  const layout = describeLayout(
    parseMountinfo(unified),
    "0::/user.slice/session.scope\n",
    "cpuset cpu io memory\n",
  );
  t.strictSame(layout, {
    mode: "unified",
    mountpoint: "/sys/fs/cgroup",
    controllers: ["cpuset", "cpu", "io", "memory"],
    v1Controllers: [],
    ownPath: "/user.slice/session.scope",
    writable: true,
  });
});

t.test("a host with v1 hierarchies and a v2 tree is hybrid", async (t) => {
  const layout = describeLayout(parseMountinfo(hybrid), "4:memory:/x\n0::/\n", "hugetlb\n");
  t.equal(layout.mode, "hybrid");
  t.equal(layout.mountpoint, "/sys/fs/cgroup/unified");
  t.strictSame(layout.v1Controllers, ["cpu", "cpuacct", "memory"], "a named hierarchy holds none");
  t.strictSame(layout.controllers, ["hugetlb"]);
});

t.test("a host without a v2 tree has none", async (t) => {
  const layout = describeLayout(parseMountinfo(hybrid.replace(/^40.*\n/m, "")), "", "");
  t.match(layout, { mode: "none", mountpoint: "", controllers: [] });
});

t.test("escapes of mountinfo are undone", async (t) => {
  const { v2 } = parseMountinfo("1 2 0:3 /a\\040b /mnt/my\\040tree\\134x rw - cgroup2 none rw");
  t.strictSame(v2, { mountpoint: "/mnt/my tree\\x", root: "/a b" });
});

t.test("the first v2 mount counts", async (t) => {
  const { v2 } = parseMountinfo(`${unified}50 1 0:26 / /elsewhere rw - cgroup2 cgroup2 rw\n`);
  t.equal(v2?.mountpoint, "/sys/fs/cgroup");
});

t.test("a file system that only looks like a cgroup mount is none", async (t) => {
  t.strictSame(parseMountinfo("1 2 0:3 / /x rw - cgroupish none rw,memory\n"), {
    v2: null,
    v1Controllers: [],
  });
});

t.test("a mount of a subtree shortens the own path", async (t) => {
  const mounts = parseMountinfo("1 2 0:3 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw");
  t.equal(describeLayout(mounts, "0::/docker/abc/init\n", "").ownPath, "/init");
  t.equal(describeLayout(mounts, "0::/docker/abc\n", "").ownPath, "/");
});

t.test("the own path is the line of hierarchy 0", async (t) => {
  t.equal(parseOwnPath("9:name=systemd:/a\n0::/b/c\n"), "/b/c");
  t.equal(parseOwnPath("0::/gone (deleted)\n"), "/gone");
  t.equal(parseOwnPath("9:name=systemd:/a\n"), "/");
});

t.test("this host can be read", async (t) => {
  const layout = readLayout();
  t.ok(["unified", "hybrid", "none"].includes(layout.mode));
  t.equal(layout.mode === "none", layout.mountpoint === "");
});
