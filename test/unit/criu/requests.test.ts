import t from "tap";

import { requestType } from "../../../src/criu/messages.ts";
import {
  criuConfigFile,
  type DumpOptions,
  dumpRequest,
  restoreRequest,
} from "../../../src/criu/requests.ts";

const shared = {
  tcpEstablished: false,
  extUnixSockets: false,
  shellJob: false,
  fileLocks: false,
  autoDedup: false,
  lazyPages: false,
  cgroupsMode: "",
};
const plain: DumpOptions = {
  ...shared,
  leaveRunning: false,
  preDump: false,
  linkRemap: false,
  tcpSkipInFlight: false,
};
const target = { pid: 5, rootfs: "/b/rootfs", directories: { images: 20 }, external: [] };

t.test("a dump as runc asks for it", (t) => {
  const { type, opts } = dumpRequest(plain, { ...target, freezeCgroup: "/sys/fs/cgroup/x" });
  t.equal(type, requestType.dump);
  t.match(opts, {
    images_dir_fd: 20,
    work_dir_fd: undefined,
    pid: 5,
    root: "/b/rootfs",
    log_file: "dump.log",
    notify_scripts: true,
    orphan_pts_master: true,
    empty_ns: 0x4000_0000,
    manage_cgroups_mode: 6,
    freeze_cgroup: "/sys/fs/cgroup/x",
  });
  t.notHas(opts, { track_mem: true });
  t.end();
});

t.test("each option goes to its field", (t) => {
  const flags = [
    ["tcpEstablished", "tcp_established"],
    ["extUnixSockets", "ext_unix_sk"],
    ["shellJob", "shell_job"],
    ["fileLocks", "file_locks"],
    ["autoDedup", "auto_dedup"],
    ["lazyPages", "lazy_pages"],
    ["leaveRunning", "leave_running"],
    ["linkRemap", "link_remap"],
    ["tcpSkipInFlight", "tcp_skip_in_flight"],
  ] as const;
  const fields = flags.map(([, field]) => field);
  for (const [flag, field] of flags) {
    const { opts = {} } = dumpRequest({ ...plain, [flag]: true }, target);
    t.strictSame(
      fields.filter((name) => opts[name]),
      [field],
      flag,
    );
  }
  for (const [mode, number] of Object.entries({ ignore: 0, soft: 3, full: 4, strict: 5 })) {
    const { opts } = dumpRequest({ ...plain, cgroupsMode: mode }, target);
    t.equal(opts?.manage_cgroups_mode, number, mode);
  }
  t.end();
});

t.test("a pre-dump and the dump after it track memory", (t) => {
  const first = dumpRequest({ ...plain, preDump: true }, target);
  t.match(first, { type: requestType.preDump, opts: { track_mem: true } });
  const second = dumpRequest({ ...plain, parentPath: "../first" }, target);
  t.match(second, { type: requestType.dump, opts: { track_mem: true, parent_img: "../first" } });
  t.end();
});

t.test("a page server", (t) => {
  const pageServer = { address: "10.0.0.1", port: 27277 };
  const { opts } = dumpRequest({ ...plain, lazyPages: true, pageServer }, target);
  t.match(opts, { lazy_pages: true, ps: pageServer });
  t.end();
});

t.test("a restore makes a child of the runtime, with another LSM profile when asked", (t) => {
  const lsm = { lsmProfile: "apparmor:x", lsmMountContext: "c" };
  const options = { ...shared, ...lsm, tcpClose: true, networkLock: "skip" };
  const { type, opts } = restoreRequest(options, {
    root: "/run/x/criu-root",
    directories: { images: 20, work: 21 },
    external: ["mnt[/a]:/b"],
    inherited: [{ key: "pipe:[7]", fd: 1 }],
    joined: [{ ns: "ipc", ns_file: "/proc/1/ns/ipc" }],
    cgroupRoots: [{ ctrl: "", path: "/x" }],
    configFile: "/c",
  });
  t.equal(type, requestType.restore);
  t.match(opts, {
    rst_sibling: true,
    work_dir_fd: 21,
    root: "/run/x/criu-root",
    log_file: "restore.log",
    external: ["mnt[/a]:/b"],
    inherit_fd: [{ key: "pipe:[7]", fd: 1 }],
    join_ns: [{ ns: "ipc", ns_file: "/proc/1/ns/ipc" }],
    cg_root: [{ ctrl: "", path: "/x" }],
    lsm_profile: "apparmor:x",
    lsm_mount_context: "c",
    tcp_close: true,
    network_lock: 3,
    config_file: "/c",
  });
  t.end();
});

t.test("the configuration file of CRIU: runc's, the container's own, or none", (t) => {
  t.equal(criuConfigFile(undefined), "/etc/criu/runc.conf");
  t.equal(criuConfigFile({ other: "x" }), "/etc/criu/runc.conf");
  t.equal(criuConfigFile({ "org.criu.config": "/my.conf" }), "/my.conf");
  t.equal(criuConfigFile({ "org.criu.config": "" }), undefined);
  t.end();
});
