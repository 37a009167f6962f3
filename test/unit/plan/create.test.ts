// Plans as golden files: what each says is reviewed in golden/. UPDATE_GOLDEN=1 writes them anew.
import { readFileSync, writeFileSync } from "node:fs";
import t from "tap";
import { type CreatePlanOptions, planCreate } from "../../../src/plan/create.ts";
import type { HostFacts } from "../../../src/host/facts.ts";
import type { ValidSpec } from "../../../src/spec/types.ts";
import { renderPlan } from "./render.ts";
import {
  defaultSpec,
  maps,
  namespaces,
  options,
  rootFacts,
  rootlessSpec,
  specWith,
  userFacts,
  valid,
} from "./specs.ts";

const filter = new Uint8Array([6, 0, 0, 0, 0, 0, 255, 127]);

function checkGolden(
  name: string,
  spec: ValidSpec,
  { facts = rootFacts, ...changed }: Partial<CreatePlanOptions> & { facts?: HostFacts } = {},
): void {
  t.test(name, (t) => {
    const plan = renderPlan(planCreate(spec, facts, { ...options, ...changed }));
    const file = new URL(`golden/${name.replaceAll(/[^a-z0-9]+/g, "-")}.txt`, import.meta.url);
    if (process.env["UPDATE_GOLDEN"]) writeFileSync(file, plan);
    t.equal(plan, readFileSync(file, "utf8"));
    t.end();
  });
}

checkGolden("default as root", valid(defaultSpec()));

checkGolden("default rootless", valid(rootlessSpec()), { facts: userFacts, cgroupPath: null });

checkGolden(
  "containerd with seccomp, hooks and a volume",
  specWith((spec) => {
    spec.process!.user = { uid: 1000, gid: 1000, additionalGids: [1000, 27], umask: 0o077 };
    spec.process!.noNewPrivileges = false;
    spec.process!.oomScoreAdj = -998;
    spec.process!.cwd = "/srv/app";
    spec.mounts!.push(
      {
        destination: "/data",
        type: "bind",
        source: "/var/lib/volumes/data",
        options: ["rbind", "rslave", "ro", "nosuid"],
      },
      { destination: "/etc/hosts", type: "bind", source: "hosts", options: ["bind", "rro"] },
      {
        destination: "/run",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "tmpcopyup", "ro"],
      },
    );
    spec.hooks = {
      createRuntime: [{ path: "/usr/bin/network" }],
      poststop: [{ path: "/usr/bin/network" }],
    };
    spec.linux!.sysctl = {
      "net.ipv4.ip_unprivileged_port_start": "0",
      "net/ipv4/conf/eth0.1/mtu": "1400",
    };
    spec.linux!.rootfsPropagation = "rshared";
    spec.linux!.devices = [
      { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o660, gid: 27 },
    ];
  }),
  { seccomp: { filter, flags: 4, notify: false, unknown: [] }, listenFds: 1, preserveFds: 1 },
);

checkGolden(
  "user namespace as root",
  specWith((spec) => {
    spec.linux!.namespaces!.push({ type: "user" });
    spec.linux!.uidMappings = maps;
    spec.linux!.gidMappings = maps;
    spec.linux!.sysctl = { "kernel.shmmax": "1048576" };
    spec.mounts!.push({
      destination: "/data",
      type: "bind",
      source: "/data",
      options: ["bind", "idmap"],
    });
  }),
);

checkGolden(
  "joined namespaces of a pod",
  specWith((spec) => {
    spec.linux!.namespaces = [
      { type: "user", path: "/proc/7/ns/user" },
      { type: "network", path: "/run/netns/pod" },
      { type: "ipc", path: "/proc/7/ns/ipc" },
      { type: "pid", path: "/proc/7/ns/pid" },
      ...namespaces("mount", "uts"),
    ];
    spec.linux!.uidMappings = maps;
    spec.linux!.gidMappings = maps;
  }),
);

checkGolden(
  "no mount namespace",
  specWith((spec) => {
    spec.linux = { namespaces: namespaces("pid") };
    spec.mounts = [];
    delete spec.hostname;
    spec.root = { path: "/srv/rootfs" };
  }),
);

checkGolden(
  "foreground terminal",
  specWith((spec) => {
    spec.process!.terminal = true;
    spec.process!.consoleSize = { width: 80, height: 25 };
    spec.process!.user = { uid: 1000, gid: 1000 };
  }),
  { start: "sync" },
);

checkGolden(
  "time namespace",
  specWith((spec) => {
    spec.linux!.namespaces!.push({ type: "time" });
    spec.linux!.timeOffsets = {
      monotonic: { secs: 172800 },
      boottime: { secs: 604800, nanosecs: 5 },
    };
  }),
);

checkGolden(
  "scheduling",
  specWith((spec) => {
    spec.process!.scheduler = {
      policy: "SCHED_BATCH",
      nice: 5,
      flags: ["SCHED_FLAG_RESET_ON_FORK"],
    };
    spec.process!.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 6 };
    spec.linux!.memoryPolicy = {
      mode: "MPOL_BIND",
      nodes: "0-1,65",
      flags: ["MPOL_F_STATIC_NODES"],
    };
    spec.linux!.personality = { domain: "LINUX32", flags: ["ADDR_NO_RANDOMIZE"] };
    spec.mounts = [];
    spec.linux!.maskedPaths = [];
  }),
  { noPivot: true, noNewKeyring: true },
);
