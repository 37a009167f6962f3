import t from "tap";
import * as linux from "../../../src/linux.ts";
import { planCreate } from "../../../src/plan/create.ts";
import type { HostFacts } from "../../../src/host/facts.ts";
import type { Mount, Spec } from "../../../src/spec/types.ts";
import { renderOp } from "./render.ts";
import { maps, namespaces, options, rootFacts, specWith, userFacts } from "./specs.ts";

type Setting = { facts?: HostFacts; change?: (spec: Spec) => void; cgroupPath?: string | null };

/** The ops of one mount, without those that open its target and close it. */
function planMount(
  mount: Mount,
  { facts = rootFacts, change, ...changed }: Setting = {},
): string[] {
  const spec = specWith((spec) => {
    spec.mounts = [mount];
    change?.(spec);
  });
  const { ops } = planCreate(spec, facts, { ...options, ...changed });
  return ops
    .filter(({ origin, op }) => origin === "/mounts/0" && op !== "close" && op !== "move_mount")
    .map((op) => renderOp(op).replaceAll(/ (slot|root|target|like)=\d+/g, ""));
}

const bind = (...options: string[]): Mount => ({ destination: "/mnt", source: "/src", options });
const fails = (mount: Mount, setting?: Setting) => () => planMount(mount, setting);
const inUserNamespace = (spec: Spec): void => {
  spec.linux!.namespaces = namespaces("pid", "mount", "uts", "user");
  spec.linux!.uidMappings = maps;
  spec.linux!.gidMappings = maps;
};

t.test("a bind without flags leaves those of the source alone", async (t) => {
  t.same(planMount(bind("rbind")), ['open_tree path="/src" recursive=1', 'target path="/mnt"']);
});

t.test("a bind with a flag has just the flags that are named", async (t) => {
  t.match(planMount(bind("bind", "ro"))[1], "set=RDONLY clear=NODEV|NOEXEC|NOSUID|NOSYMFOLLOW");
  t.match(planMount(bind("bind", "rw"))[1], /^mount_attributes clear=.*RDONLY$/);
});

t.test(
  "in a user namespace a bind loses only flags that are named or cannot be locked",
  async (t) => {
    const locked = { change: inUserNamespace };
    t.match(
      planMount(bind("bind", "ro", "suid"), locked)[2],
      /^mount_attributes set=RDONLY clear=NOSUID\|NOSYMFOLLOW locked=1$/,
    );
  },
);

t.test("of contradicting options the last one counts", async (t) => {
  t.match(planMount(bind("bind", "ro", "rw"))[1], /^mount_attributes clear=.*RDONLY$/);
  t.match(
    planMount(bind("bind", "noatime", "strictatime"))[1],
    /set=STRICTATIME clear=.*STRICTATIME/,
  );
});

t.test("setting an access time clears the whole field, as the kernel wants", async (t) => {
  const spec = specWith((spec) => (spec.mounts = [bind("bind", "noatime")]));
  const op = planCreate(spec, rootFacts, options).ops.find(({ op }) => op === "mount_attributes");
  t.match(op, { set: linux.MOUNT_ATTR_NOATIME });
  const clear = op?.op === "mount_attributes" ? Number(op.clear) : 0;
  t.equal(clear & linux.MOUNT_ATTR__ATIME, linux.MOUNT_ATTR__ATIME);
});

t.test("a bind keeps access times as its source does, unless another way is named", async (t) => {
  const taken = ["atime", "diratime", "nostrictatime"];
  for (const option of taken) {
    t.notMatch(planMount(bind("bind", "ro", option))[1], "TIME", option);
  }
  t.match(planMount(bind("bind", "nodiratime"))[1], /set=NODIRATIME clear=.*TIME/);
});

t.test("recursive options go to the whole tree, before propagation in its order", async (t) => {
  t.same(planMount(bind("rbind", "private", "rro", "rshared")).slice(1, -1), [
    "mount_attributes set=RDONLY recursive=1",
    "mount_attributes propagation=PRIVATE",
    "mount_attributes propagation=SHARED recursive=1",
  ]);
});

t.test("the type of a bind is ignored and its relative source starts at the bundle", async (t) => {
  const mount = { destination: "/mnt", type: "tmpfs", source: "data", options: ["bind"] };
  t.same(planMount(mount)[0], 'open_tree path="/bundle/data"');
});

t.test("type bind is a bind without an option of that name", async (t) => {
  t.match(planMount({ destination: "/mnt", type: "bind", source: "/src" })[0], "open_tree");
});

t.test("a word that is no option of a bind is refused: it may be one misspelt", async (t) => {
  t.throws(fails(bind("bind", "nosiud")), {
    message: "bind mounts cannot have any filesystem-specific options applied",
    pointer: "/mounts/0/options",
  });
});

t.test("a bind does not heed values for a file system, and says so", async (t) => {
  const spec = specWith((spec) => (spec.mounts = [bind("bind", "size=1m", "ro")]));
  const { warnings } = planCreate(spec, rootFacts, options);
  t.match(warnings, [{ message: /size=1m is ignored/, origin: "/mounts/0/options" }]);
  t.same(planMount(bind("bind", "size=1m")), planMount(bind("bind")));
});

t.test("a destination given by the path on the host is taken below the rootfs", async (t) => {
  const mount = { ...bind("bind"), destination: "/bundle/rootfs/mnt" };
  t.same(planMount(mount).at(-1), 'target path="/mnt"');
});

t.test("a source in the rootfs is opened there, after the mounts before it", async (t) => {
  const mount = { ...bind("rbind"), source: "/bundle/rootfs/a/b" };
  const opened = 'open_tree_below path="/a/b" recursive=1';
  t.same(planMount(mount)[0], opened);
  t.same(planMount(mount, { change: inUserNamespace })[0], opened);
});

t.test("a label is left away where nothing would enforce it, with a warning", async (t) => {
  const tmpfs = { destination: "/mnt", type: "tmpfs" };
  const change = (spec: Spec) => void (spec.linux!.mountLabel = "a_u:b_r:c_t:s0");
  t.notMatch(planMount(tmpfs, { change }).join(), "context=");
  const { warnings } = planCreate(specWith(change), rootFacts, options);
  t.match(warnings, [{ message: /^mountLabel is not applied/, origin: "/linux/mountLabel" }]);
});

t.test("without a mount namespace mounts are made, with a warning that they stay", async (t) => {
  const spec = specWith((spec) => {
    spec.mounts = [bind("bind")];
    spec.linux = { namespaces: namespaces("uts") };
    spec.root = { path: "rootfs" };
  });
  const { ops, warnings } = planCreate(spec, rootFacts, options);
  t.ok(ops.some(({ op }) => op === "move_mount"));
  t.notOk(
    ops.some(({ op }) => op === "propagate"),
    "what the host's mounts share stays",
  );
  t.match(warnings, [{ message: /on the host, and stay there/, origin: "/mounts" }]);
});

t.test("without a mount namespace the rootfs stays writable, with a warning", async (t) => {
  const spec = specWith((spec) => {
    spec.mounts = [];
    spec.linux = { namespaces: namespaces("uts") };
    spec.root = { path: "rootfs", readonly: true };
  });
  const { ops, warnings } = planCreate(spec, rootFacts, options);
  t.notOk(ops.some(({ op }) => op === "root_attributes"));
  t.match(warnings, [{ message: /^the rootfs stays writable/, origin: "/root/readonly" }]);
});

t.test("bind and remount change what is mounted at the destination", async (t) => {
  t.same(planMount(bind("bind", "remount", "ro"))[0], 'target path="/mnt"');
  t.match(planMount(bind("bind", "remount", "ro"))[1], "mount_attributes set=RDONLY");
});

t.test("a relative destination starts at the root, with a warning", async (t) => {
  const spec = specWith((spec) => (spec.mounts = [{ ...bind("bind"), destination: "mnt/../etc" }]));
  const plan = planCreate(spec, rootFacts, options);
  t.ok(plan.ops.some((op) => op.op === "target" && op.path === "/etc"));
  t.match(plan.warnings, [{ origin: "/mounts/0/destination" }]);
});

t.test("a tmpfs takes the mode of the directory it covers, unless it has one", async (t) => {
  const tmpfs = (...options: string[]): Mount => ({ destination: "/tmp", type: "tmpfs", options });
  t.match(planMount(tmpfs("size=1m")), ["target", "copyMode=1"]);
  t.notMatch(planMount(tmpfs("mode=700"))[1], "copyMode");
});

t.test("a read-only /dev becomes so when the devices are there", async (t) => {
  const spec = specWith(
    (spec) => (spec.mounts = [{ destination: "/dev", type: "tmpfs", options: ["ro"] }]),
  );
  const { ops } = planCreate(spec, rootFacts, options);
  const index = ops.findIndex(
    (op) => op.op === "mount_attributes" && op.set === linux.MOUNT_ATTR_RDONLY,
  );
  t.ok(index > ops.findLastIndex(({ op }) => op === "mknod"));
  t.match(
    ops.find(({ op }) => op === "new_mount"),
    { attributes: 0 },
  );
});

t.test(
  "flags of the file system go to fsconfig, read-only too where it is not the kernel's own",
  async (t) => {
    const ext4: Mount = {
      destination: "/mnt",
      type: "ext4",
      source: "/dev/sda1",
      options: ["ro", "sync", "silent", "data=ordered"],
    };
    t.match(planMount(ext4)[1], 'options=["ro","sync","data=ordered"] attributes=RDONLY');
    t.match(
      planMount({ destination: "/mnt", type: "mqueue", options: ["ro"] })[1],
      "options=[] attributes=RDONLY",
    );
  },
);

t.test("long or compound options and remounts need mount(2)", async (t) => {
  const overlay = (option: string): Mount => ({
    destination: "/mnt",
    type: "overlay",
    source: "overlay",
    options: [option, "nosuid"],
  });
  const long = `lowerdir=${"/layer:".repeat(60)}/base`;
  t.match(
    planMount(overlay(long))[1],
    `legacy_mount source="overlay" fstype="overlay" flags=NOSUID data="${long}"`,
  );
  t.match(planMount(overlay("a=1,b=2"))[1], "legacy_mount");
  t.match(
    planMount({ destination: "/mnt", type: "tmpfs", options: ["remount", "ro"] })[1],
    "legacy_mount",
  );
  t.match(planMount(overlay("lowerdir=/a:/b"))[1], "new_mount");
});

t.test("compound options of a tmpfs are taken apart, but not the nodes of mpol", async (t) => {
  const mount = { destination: "/mnt", type: "tmpfs", options: ["size=1m,mpol=bind:0,2,mode=700"] };
  t.match(planMount(mount)[1], 'options=["size=1m","mpol=bind:0,2","mode=700"]');
});

t.test("only procfs goes over /proc and only the files of lxcfs below it", async (t) => {
  const at = (destination: string): Mount => ({ ...bind("bind"), destination });
  t.throws(fails(at("/proc")), {
    message: '"/proc" cannot be mounted because it is not of type proc',
  });
  t.throws(fails(at("/proc/../proc/sys")), {
    message: '"/proc/sys" cannot be mounted because it is inside /proc',
    pointer: "/mounts/0/destination",
  });
  t.throws(fails({ destination: "/proc", type: "tmpfs" }), { code: "CONFIG_INVALID" });
  t.doesNotThrow(fails(at("/proc/meminfo")));
  t.doesNotThrow(fails({ ...bind("rbind"), destination: "/proc", source: "/proc/" }));
});

t.test("procfs and sysfs are not led elsewhere by symbolic links", async (t) => {
  t.match(planMount({ destination: "/proc", type: "proc" })[0], "mode=0200000");
  t.match(planMount({ destination: "/sys", type: "sysfs" })[0], "mode=0200000");
});

t.test("nothing is mounted over the root", async (t) => {
  t.throws(fails({ ...bind("bind"), destination: "/etc/.." }), {
    code: "CONFIG_INVALID",
    pointer: "/mounts/0/destination",
  });
});

t.test("in a user namespace with the host's network /sys is bound", async (t) => {
  const sysfs = { destination: "/sys", type: "sysfs", options: ["ro"] };
  t.match(planMount(sysfs, { change: inUserNamespace })[0], 'open_tree path="/sys" recursive=1');
});

t.test("a cgroup mount is new with a cgroup namespace", async (t) => {
  const mount = { destination: "/sys/fs/cgroup", type: "cgroup" };
  t.match(planMount(mount)[1], 'new_mount fstype="cgroup2"');
});

t.test(
  "a cgroup mount without one is the host's tree, in a user namespace the container's part",
  async (t) => {
    const mount = { destination: "/sys/fs/cgroup", type: "cgroup" };
    const shared = (spec: Spec): void =>
      void (spec.linux!.namespaces = namespaces("mount", "pid", "uts"));
    t.match(planMount(mount, { change: shared })[0], 'open_tree path="/sys/fs/cgroup"');
    t.match(planMount(mount, { change: inUserNamespace })[0], 'open_tree path="/sys/fs/cgroup/c1"');
    const none = { ...rootFacts, cgroup: { ...rootFacts.cgroup, mountpoint: "" } };
    t.throws(fails(mount, { change: shared, facts: none }), { code: "HOST", pointer: "/mounts/0" });
  },
);

t.test("idmapped mounts need both mappings, a bind and root", async (t) => {
  const mapped = { ...bind("bind"), uidMappings: maps, gidMappings: maps };
  t.match(planMount(mapped)[1], "mount_attributes set=IDMAP userns=0");
  t.throws(fails({ ...mapped, gidMappings: [] }), { message: /must be given together/ });
  t.throws(fails({ ...mapped, type: "tmpfs", options: [] }), {
    message: /only supported for bind mounts/,
  });
  t.throws(fails(bind("bind", "idmap")), { message: /needs a user namespace/ });
  t.throws(fails(mapped, { facts: userFacts, change: inUserNamespace }), { message: /rootless/ });
});

t.test("ids are mapped by whoever has rights over the file system", async (t) => {
  const source = `${options.bundle}/rootfs/srv`;
  const inside = { ...bind("bind", "ridmap"), source };
  const change = inUserNamespace;
  t.match(planMount(inside, { change }), [
    'open_tree_below path="/srv"',
    "ask_idmap recursive=1 userns=0",
  ]);
  t.match(planMount({ ...bind("bind", "idmap") }, { change })[2], "mount_attributes set=IDMAP");
  const own = { ...inside, uidMappings: maps, gidMappings: maps };
  t.match(planMount(own)[1], "mount_attributes set=IDMAP");
});

t.test("the SELinux label of new file systems is an option", async (t) => {
  const facts = { ...rootFacts, lsm: { apparmor: false, selinux: true } };
  const change = (spec: Spec): void =>
    void (spec.linux!.mountLabel = "system_u:object_r:c_t:s0:c1,c2");
  const tmpfs = { destination: "/tmp", type: "tmpfs", options: ["mode=700"] };
  t.match(
    planMount(tmpfs, { facts, change })[1],
    'options=["mode=700","context=system_u:object_r:c_t:s0:c1,c2"]',
  );
  t.notMatch(planMount({ destination: "/proc", type: "proc" }, { facts, change })[1], "context");
});

t.test("a mount without a type is an error", async (t) => {
  t.throws(fails({ destination: "/mnt", source: "/src" }), {
    code: "CONFIG_INVALID",
    pointer: "/mounts/0/type",
  });
});

t.test("the notify socket is bound last", async (t) => {
  const { ops } = planCreate(
    specWith(() => {}),
    rootFacts,
    { ...options, notifySocket: "/run/tsrun/c1/notify" },
  );
  t.equal(
    ops.findLast(({ op }) => op === "target")?.what,
    'mount "/run/tsrun/c1/notify" to rootfs at "/run/notify"',
  );
  const exec = ops.find((op) => op.op === "exec");
  t.match(exec, { env: [/./, /./, "NOTIFY_SOCKET=/run/notify/notify.sock"] });
});
