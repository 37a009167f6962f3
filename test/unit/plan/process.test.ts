import t from "tap";
import { planCreate } from "../../../src/plan/create.ts";
import type { HostFacts } from "../../../src/host/facts.ts";
import type { Spec } from "../../../src/spec/types.ts";
import { options, rootFacts, rootlessSpec, specWith, userFacts } from "./specs.ts";

const plan = (change: (spec: Spec) => void, facts: HostFacts = rootFacts) =>
  planCreate(specWith(change), facts, options);
const opsOf = (change: (spec: Spec) => void, facts?: HostFacts) => plan(change, facts).ops;
const filter = new Uint8Array(8);
const seccomp = { filter, flags: 0, notify: false, unknown: [] };

t.test("capabilities become masks", async (t) => {
  const ops = opsOf(
    (spec) => (spec.process!.capabilities = { permitted: ["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"] }),
  );
  t.match(
    ops.find(({ op }) => op === "capset"),
    { permitted: (1n << 40n) | 1n, effective: 0n, inheritable: 0n },
  );
});

t.test("without process.capabilities there are none", async (t) => {
  const ops = opsOf((spec) => delete spec.process!.capabilities);
  t.match(
    ops.find(({ op }) => op === "cap_bounding"),
    { keep: 0n },
  );
});

t.test("capabilities that are unknown here are left out with a warning", async (t) => {
  const { ops, warnings } = plan(
    (spec) => (spec.process!.capabilities = { bounding: ["CAP_BPF", "CAP_FLY", "CAP_KILL"] }),
    { ...rootFacts, lastCapability: 37 },
  );
  t.match(
    ops.find(({ op }) => op === "cap_bounding"),
    { keep: 1n << 5n },
  );
  t.match(warnings, [{ message: "ignoring unknown or unavailable capabilities: CAP_BPF CAP_FLY" }]);
});

t.test("a capability that is named like a property of every object is unknown", async (t) => {
  const { ops, warnings } = plan(
    (spec) => (spec.process!.capabilities = { permitted: ["__proto__", "constructor"] }),
  );
  t.match(
    ops.find(({ op }) => op === "capset"),
    { permitted: 0n },
  );
  t.match(warnings, [{ message: /unknown .*: __proto__ constructor$/ }]);
});
t.test(
  "ambient capabilities that the kernel would refuse are left out, with a warning",
  async (t) => {
    const kill = ["CAP_KILL"];
    const { ops, warnings } = plan(
      (spec) =>
        (spec.process!.capabilities = {
          permitted: [...kill, "CAP_CHOWN"],
          inheritable: kill,
          ambient: [...kill, "CAP_CHOWN"],
        }),
    );
    t.match(
      ops.find(({ op }) => op === "cap_ambient"),
      { set: 1n << 5n, optional: true },
    );
    t.match(warnings, [
      {
        message: /^can't raise ambient capability CAP_CHOWN: operation not permitted/,
        origin: "/process/capabilities/ambient/1",
      },
    ]);
  },
);

t.test(
  "seccomp comes between the working directory and the change of the user, or last with no_new_privs",
  async (t) => {
    for (const last of [false, true]) {
      const spec = specWith((spec) => (spec.process!.noNewPrivileges = last));
      const names = planCreate(spec, rootFacts, { ...options, seccomp }).ops.map(({ op }) => op);
      t.equal(names.indexOf("seccomp") > names.indexOf("find_program"), last);
      t.ok(names.indexOf("seccomp") > names.indexOf("chdir"));
      t.equal(names.indexOf("seccomp") < names.indexOf("set_user"), !last);
      t.equal(names.filter((name) => name === "seccomp").length, 1);
    }
  },
);

t.test(
  "nothing that leads out of the container is open when the working directory is entered",
  async (t) => {
    const spec = specWith((spec) => (spec.linux!.sysctl = { "net.core.somaxconn": "1" }));
    const { ops, fds } = planCreate(spec, rootFacts, { ...options, preserveFds: 1 });
    const open = new Set(fds.keys());
    for (const op of ops) {
      if (op.op === "chdir") break;
      if (op.op === "close") open.delete(Number(op.slot));
      else if ("slot" in op && op.op !== "move_mount") open.add(Number(op.slot));
    }
    t.same(new Set([...open].map((slot) => fds[slot]?.kind)), new Set(["exec-fifo", "preserved"]));
  },
);

t.test("a slot is used for one descriptor at a time", async (t) => {
  const { ops, fds } = planCreate(
    specWith(() => {}),
    rootFacts,
    options,
  );
  const open = new Set(fds.keys());
  for (const op of ops) {
    if (op.op === "close")
      t.ok(open.delete(Number(op.slot)), `slot ${op.slot} is open when it is closed`);
    if (
      !["open_tree", "open_tree_below", "target", "new_mount", "open_proc", "open_path"].includes(
        op.op,
      )
    )
      continue;
    const slot = "slot" in op ? Number(op.slot) : -1;
    t.notOk(open.has(slot), `slot ${slot} is free when it is opened`);
    open.add(slot);
  }
});

t.test("groups of the caller are kept on demand, and by who may not change them", async (t) => {
  const hasGroups = (ops: readonly { op: string }[]): boolean =>
    ops.some(({ op }) => op === "set_groups");
  t.ok(hasGroups(opsOf(() => {})));
  t.notOk(hasGroups(opsOf((spec) => (spec.annotations = { "run.oci.keep_original_groups": "1" }))));
  t.notOk(
    hasGroups(opsOf(() => {}, { ...rootFacts, inUserNamespace: true, setgroupsDenied: true })),
  );
  t.notOk(
    hasGroups(
      planCreate(
        specWith(() => {}, rootlessSpec()),
        userFacts,
        options,
      ).ops,
    ),
  );
});

t.test("setgroups is denied for a single id that is mapped without help", async (t) => {
  const denied = (size: number): boolean | undefined => {
    const spec = specWith((spec) => (spec.linux!.gidMappings![0]!.size = size), rootlessSpec());
    return planCreate(spec, userFacts, options).host.idMaps?.denySetgroups;
  };
  t.equal(denied(1), true);
  t.equal(denied(2), false);
});

t.test("of a limit that is named twice the last one counts", async (t) => {
  const { host } = plan((spec) => {
    spec.process!.rlimits = [
      { type: "RLIMIT_CORE", soft: 1, hard: 1 },
      { type: "RLIMIT_NOFILE", soft: 9, hard: 9 },
      { type: "RLIMIT_CORE", soft: 0, hard: 0xffff_ffff_ffff_ffffn },
    ];
  });
  t.match(host.rlimits, [
    { resource: 4, soft: 0n, hard: 0xffff_ffff_ffff_ffffn, origin: "/process/rlimits/2" },
    { resource: 7 },
  ]);
});

t.test("a bundle that binds /dev gets no devices, links or /dev/null", async (t) => {
  const names = opsOf((spec) => {
    spec.mounts!.push({ destination: "/dev/", type: "bind", source: "/dev", options: ["rbind"] });
  }).map(({ op }) => op);
  for (const name of ["mknod", "symlink", "null_stdio"])
    t.notOk(names.includes(name as never), name);
});

t.test("a device of the bundle takes the place of a default one", async (t) => {
  const ops = opsOf(
    (spec) => (spec.linux!.devices = [{ path: "/dev/null", type: "c", major: 9, minor: 9 }]),
  );
  const nodes = ops.filter((op) => op.op === "mknod" && op.path === "/dev/null");
  t.match(nodes, [{ major: 9, minor: 9, origin: "/linux/devices/0" }]);
  t.equal(nodes.length, 1);
});

t.test("a fifo is made, also in a user namespace", async (t) => {
  const change = (spec: Spec): void =>
    void (spec.linux!.devices = [{ path: "/run/pipe", type: "p", fileMode: 0o10600 }]);
  const node = planCreate(specWith(change, rootlessSpec()), userFacts, options).ops.find(
    ({ op }) => op === "mknod",
  );
  t.match(node, { path: "/run/pipe", mode: 0o10600 });
});

t.test("labels are written through a private procfs", async (t) => {
  const facts = { ...rootFacts, lsm: { apparmor: true, selinux: false } };
  const ops = opsOf((spec) => (spec.process!.apparmorProfile = "web"), facts);
  const proc = ops.find((op) => op.op === "open_proc");
  t.match(
    ops.find((op) => op.op === "lsm_exec"),
    { lsm: "apparmor", label: "web", proc: proc?.slot },
  );
});

t.test("a foreground run waits at a sync point in place of the fifo", async (t) => {
  const spec = specWith(() => {});
  const { fds, ops } = planCreate(spec, rootFacts, { ...options, start: "sync" });
  t.same(fds, []);
  t.notOk(ops.some(({ op }) => op === "ready" || op === "wait_start"));
  t.match(ops.at(-2), { op: "sync", point: 4 });
});

t.test("the same inputs give the same plan", async (t) => {
  const spec = specWith(() => {});
  const before = structuredClone(spec);
  t.same(planCreate(spec, rootFacts, options), planCreate(spec, rootFacts, options));
  t.same(spec, before, "and the spec is left alone");
});

t.test("groups are left alone by who becomes root where setgroups is denied", async (t) => {
  const clears = (facts: HostFacts) =>
    planCreate(
      specWith(() => {}, rootlessSpec()),
      facts,
      options,
    )
      .ops.filter((op) => op.op === "become_root")
      .map(({ clearGroups }) => clearGroups);
  const nested = { ...rootFacts, rootless: true, inUserNamespace: true };
  t.strictSame(clears(nested), [1]);
  t.strictSame(clears({ ...nested, setgroupsDenied: true }), [0]);
});
