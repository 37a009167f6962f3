import t from "tap";
import { type CreatePlanOptions, planCreate } from "../../../src/plan/create.ts";
import type { HostFacts } from "../../../src/host/facts.ts";
import type { Spec } from "../../../src/spec/types.ts";
import {
  maps,
  namespaces,
  options,
  rootFacts,
  rootlessSpec,
  specWith,
  userFacts,
} from "./specs.ts";

type Setting = { facts?: HostFacts; from?: Spec } & Partial<CreatePlanOptions>;

function refuses(
  name: string,
  change: (spec: Spec) => void,
  { message, pointer }: { message: string; pointer: string },
  { facts = rootFacts, from, ...changed }: Setting = {},
): void {
  t.test(`refuses ${name}`, async (t) => {
    const spec = specWith(change, from);
    t.throws(() => planCreate(spec, facts, { ...options, ...changed }), { message, pointer });
  });
}

refuses(
  "a spec without a process where it is to be started",
  (spec) => delete spec.process,
  { message: "process property must not be empty", pointer: "/process" },
  { start: "sync" },
);

t.test(
  "a container that waits for start can be without a process: then it has no program",
  async (t) => {
    const spec = specWith((changed) => delete changed.process);
    const ops = planCreate(spec, rootFacts, { ...options, start: "fifo" }).ops.map(({ op }) => op);
    t.equal(ops.at(-1), "wait_start");
    t.notOk(ops.includes("find_program"));
  },
);

refuses("an empty command", (spec) => (spec.process!.args = []), {
  message: "args must not be empty",
  pointer: "/process/args",
});

refuses("a relative working directory", (spec) => (spec.process!.cwd = "srv"), {
  message: "Cwd must be an absolute path",
  pointer: "/process/cwd",
});

refuses(
  "a host name without a uts namespace",
  (spec) => (spec.linux!.namespaces = namespaces("mount")),
  {
    message: "unable to set hostname without a private UTS namespace",
    pointer: "/hostname",
  },
);

refuses(
  "a domain name without a uts namespace",
  (spec) => {
    delete spec.hostname;
    spec.domainname = "example.org";
    spec.linux!.namespaces = namespaces("mount");
  },
  { message: "unable to set domainname without a private UTS namespace", pointer: "/domainname" },
);

refuses(
  "masked paths without a mount namespace",
  (spec) => (spec.linux!.namespaces = namespaces("uts")),
  {
    message: "unable to restrict sys entries without a private MNT namespace",
    pointer: "/linux/maskedPaths",
  },
);

refuses(
  "an unknown propagation of the rootfs",
  (spec) => (spec.linux!.rootfsPropagation = "public"),
  {
    message: "rootfsPropagation=public is not supported",
    pointer: "/linux/rootfsPropagation",
  },
);

refuses(
  "a private rootfs without pivot_root",
  (spec) => (spec.linux!.rootfsPropagation = "rprivate"),
  {
    message: "rootfsPropagation of [r]private is not safe with no_pivot_root",
    pointer: "/linux/rootfsPropagation",
  },
  { noPivot: true },
);

refuses(
  "a user namespace without mappings",
  (spec) => spec.linux!.namespaces!.push({ type: "user" }),
  {
    message: "user namespaces enabled, but no uid mappings found",
    pointer: "/linux/namespaces",
  },
);

refuses("mappings without a user namespace", (spec) => (spec.linux!.uidMappings = maps), {
  message: "user namespace mappings specified, but USER namespace isn't enabled in the config",
  pointer: "/linux/uidMappings",
});

refuses(
  "a user without a user namespace",
  () => {},
  { message: "rootless container requires user namespaces", pointer: "/linux/namespaces" },
  { facts: userFacts },
);

refuses(
  "clocks without a time namespace",
  (spec) => (spec.linux!.timeOffsets = { boottime: { secs: 1 } }),
  {
    message: "time namespace offsets specified, but time namespace isn't enabled in the config",
    pointer: "/linux/timeOffsets",
  },
);

refuses(
  "clocks for a joined time namespace",
  (spec) => {
    spec.linux!.namespaces!.push({ type: "time", path: "/proc/7/ns/time" });
    spec.linux!.timeOffsets = { boottime: { secs: 1 } };
  },
  {
    message: "time namespace offsets cannot be set for a time namespace that is joined",
    pointer: "/linux/timeOffsets",
  },
);

refuses("an SELinux label without SELinux", (spec) => (spec.process!.selinuxLabel = "a:b:c"), {
  message: "selinux label is specified in config, but selinux is disabled or not supported",
  pointer: "/process/selinuxLabel",
});

refuses("an AppArmor profile without AppArmor", (spec) => (spec.process!.apparmorProfile = "web"), {
  message: "unable to apply apparmor profile: apparmor is not enabled on this host",
  pointer: "/process/apparmorProfile",
});

refuses(
  "network devices without a network namespace",
  (spec) => {
    spec.linux!.namespaces = namespaces("mount", "uts");
    spec.linux!.netDevices = { eth1: {} };
  },
  {
    message: "unable to move network devices without a private NET namespace",
    pointer: "/linux/netDevices",
  },
);

refuses(
  "an id that is not mapped",
  (spec) => (spec.process!.user = { uid: 5 }),
  { message: "cannot set uid to unmapped user in user namespace: 5", pointer: "/process/user/uid" },
  { facts: userFacts, from: rootlessSpec() },
);

refuses(
  "additional groups of a user",
  (spec) => (spec.process!.user = { additionalGids: [0] }),
  {
    message: "cannot set any additional groups in a rootless container",
    pointer: "/process/user/additionalGids",
  },
  { facts: userFacts, from: rootlessSpec() },
);

refuses("an environment variable without a value", (spec) => spec.process!.env!.push("HOME"), {
  message: "invalid environment variable \"HOME\": missing '='",
  pointer: "/process/env/2",
});

refuses(
  "a device of a user namespace without mounts",
  (spec) => {
    spec.mounts = [];
    spec.root = { path: "rootfs" };
    delete spec.hostname;
    spec.linux = {
      namespaces: namespaces("user"),
      uidMappings: maps,
      gidMappings: maps,
      devices: [{ path: "/dev/fuse", type: "c", major: 10, minor: 229 }],
    };
  },
  {
    message: "device /dev/fuse: device nodes in a user namespace need a mount namespace",
    pointer: "/linux/devices/0",
  },
);
