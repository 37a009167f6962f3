import t from "tap";

import { inheritedPipes } from "../../../src/criu/descriptors.ts";
import {
  dumpedMounts,
  externalNamespaces,
  joinedNamespaces,
  maskedFiles,
  refusedNamespace,
  restoredMounts,
} from "../../../src/criu/external.ts";

const namespaces = [
  { type: "mount" },
  { type: "pid", path: "/proc/1/ns/pid" },
  { type: "network", path: "/run/netns/a" },
  { type: "ipc", path: "/proc/1/ns/ipc" },
  { type: "uts" },
] as const;

t.test("joined network and pid namespaces go by descriptor, others by path", (t) => {
  t.strictSame(externalNamespaces(namespaces), [
    { kind: "pid", key: "extRootPidNS", path: "/proc/1/ns/pid", index: 1 },
    { kind: "net", key: "extRootNetNS", path: "/run/netns/a", index: 2 },
  ]);
  t.strictSame(joinedNamespaces(namespaces), [{ ns: "ipc", ns_file: "/proc/1/ns/ipc" }]);
  t.equal(refusedNamespace(namespaces), undefined);
  t.equal(refusedNamespace([{ type: "uts" }, { type: "cgroup", path: "/x" }]), 1);
  t.equal(refusedNamespace([{ type: "cgroup" }]), undefined);
  t.end();
});

t.test("a mount has one name from the dump to the restore", (t) => {
  const mounts = [{ place: "/real/conf", source: "/srv/conf" }];
  t.strictSame(dumpedMounts(mounts, ["/proc/kcore"]), [
    "mnt[/real/conf]:/real/conf",
    "mnt[/proc/kcore]:/dev/null",
  ]);
  const spec = { ociVersion: "1.0.2", linux: { maskedPaths: ["/proc/kcore"] } };
  t.strictSame(restoredMounts(mounts, spec), [
    "mnt[/real/conf]:/srv/conf",
    "mnt[/dev/null]:/dev/null",
  ]);
  t.strictSame(restoredMounts(mounts, { ociVersion: "1.0.2" }), ["mnt[/real/conf]:/srv/conf"]);
  t.end();
});

t.test("masked files are binds of a file, masked directories are not", (t) => {
  const mountinfo = [
    "117 54 0:50 / / rw - ext4 /dev/vda rw",
    "70 119 0:52 /null /proc/kcore rw - tmpfs tmpfs rw",
    "77 127 0:60 / /sys/firmware ro - tmpfs tmpfs ro",
    "",
  ].join("\n");
  const masked = ["/proc/kcore", "/sys/firmware", "/proc/absent"];
  t.strictSame(maskedFiles(masked, mountinfo), ["/proc/kcore"]);
  t.end();
});

t.test("pipes are replaced, files and terminals are the container's own", (t) => {
  t.strictSame(inheritedPipes(["/dev/null", "pipe:[7]", "pipe:[8]"]), [
    { key: "pipe:[7]", fd: 1 },
    { key: "pipe:[8]", fd: 2 },
  ]);
  t.strictSame(inheritedPipes(["/dev/pts/0", "", "socket:[3]"]), []);
  t.end();
});
