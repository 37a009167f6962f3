import t from "tap";
import { CLONE_NEWIPC, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER } from "../../../src/linux.ts";
import { type ExecPlanOptions, planExec } from "../../../src/plan/exec.ts";
import { planContainerHook } from "../../../src/plan/hook.ts";
import type { Process } from "../../../src/spec/types.ts";
import { renderOp } from "./render.ts";
import { rootFacts, specWith } from "./specs.ts";

const defaults: ExecPlanOptions = {
  namespaces: CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC,
  preserveFds: 0,
  seccomp: null,
  terminal: false,
  waits: false,
};
const ls: Process = { args: ["ls"], cwd: "/", env: ["PATH=/bin"] };

function planOps(process: Process, options: Partial<ExecPlanOptions> = {}): string[] {
  const plan = planExec(
    process,
    specWith(() => {}),
    rootFacts,
    { ...defaults, ...options },
  );
  t.equal(plan.fds[0]?.kind, "container-pidfd");
  t.equal(plan.cloneFlags, 0);
  return plan.ops.map(renderOp);
}

t.test("exec joins all namespaces at once and forks for the pid namespace", async (t) => {
  t.same(planOps(ls).slice(0, 5), [
    "cpu_affinity cpus=[] (optional)",
    "setns slot=0 flags=ipc, mount, pid",
    "close slot=0",
    "fork",
    "setsid",
  ]);
  t.notOk(planOps(ls, { namespaces: CLONE_NEWNS }).includes("fork"));
});

t.test("exec becomes root in a user namespace", async (t) => {
  const ops = planOps(ls, { namespaces: CLONE_NEWNS | CLONE_NEWUSER });
  t.equal(ops.indexOf("become_root clearGroups=1"), ops.indexOf("close slot=0") + 1);
});

t.test(
  "exec sets limits before it joins a namespace in which they could only go down",
  async (t) => {
    const ops = planOps({ ...ls, rlimits: [{ type: "RLIMIT_CORE", soft: 1, hard: 2 }] });
    const at = ops.indexOf("rlimit resource=4 soft=0x1 hard=0x2");
    t.ok(at >= 0 && at < ops.findIndex((op) => op.startsWith("setns")));
  },
);

t.test("exec enters a container without a mount namespace by its rootfs", async (t) => {
  const ops = planOps(ls, { namespaces: CLONE_NEWPID, rootfs: "/srv/rootfs" });
  const at = ops.indexOf('open_path path="/srv/rootfs" slot=1');
  t.ok(at >= 0 && at < ops.findIndex((op) => op.startsWith("setns")));
  t.ok(ops.indexOf("chroot root=1") < ops.findIndex((op) => op.startsWith("find_program")));
  t.throws(() => planOps(ls, { namespaces: CLONE_NEWPID }), {
    code: "INTERNAL",
    message: /rootfs/,
  });
});

t.test("exec ends ready, with the program", async (t) => {
  t.same(planOps(ls, { home: "/root" }).slice(-3), [
    'find_program file="ls" search="/bin"',
    "ready",
    'exec args=["ls"] env=["PATH=/bin","HOME=/root"]',
  ]);
});

t.test(
  "exec makes a console of the container's devpts, not mounted on its /dev/console",
  async (t) => {
    const ops = planOps(
      { ...ls, user: { uid: 7 }, consoleSize: { width: 80, height: 25 } },
      { terminal: true },
    );
    const at = ops.findIndex((op) => op.startsWith("console"));
    t.same(ops.slice(at - 1, at + 1), [
      'open_path path="/" slot=0',
      "console root=0 width=80 height=25 uid=7",
    ]);
    t.ok(ops.includes("close slot=0"));
  },
);

t.test("exec joins the session keyring of the container", async (t) => {
  t.ok(
    planOps(ls, { keyring: "_ses.c1" }).some((op) =>
      op.startsWith('session_keyring name="_ses.c1"'),
    ),
  );
});

t.test(
  "a createContainer hook runs in the container's namespaces with its own environment",
  async (t) => {
    const hook = { path: "/usr/bin/hook", args: ["hook", "-v"], env: ["A=1"] };
    const plan = planContainerHook(hook, {
      namespaces: CLONE_NEWNS | CLONE_NEWPID,
      cwd: "/bundle/rootfs",
    });
    t.same(plan.ops.map(renderOp), [
      "setns slot=0 flags=mount, pid",
      "close slot=0",
      "fork",
      'chdir path="/bundle/rootfs" uid=0 gid=0',
      'find_program file="/usr/bin/hook" search=""',
      "ready",
      'exec args=["hook","-v"] env=["A=1"]',
    ]);
  },
);

t.test("a hook without args and env has its path and nothing", async (t) => {
  const plan = planContainerHook({ path: "/hook" }, { namespaces: 0, cwd: "/" });
  t.match(plan.ops.at(-1), { op: "exec", args: ["/hook"], env: [] });
});

t.test("exec that is waited for says where it is before it becomes the program", async (t) => {
  t.same(planOps(ls, { waits: true }).slice(-2), [
    "sync start",
    'exec args=["ls"] env=["PATH=/bin"]',
  ]);
});

t.test("exec makes no working directory", async (t) => {
  const changes = planOps({ ...ls, cwd: "/absent" }).filter((op) => op.startsWith("chdir"));
  t.same(changes, [
    'chdir path="/absent" create=2 uid=0 gid=0',
    'chdir path="/absent" uid=0 gid=0',
  ]);
});

t.test("CPUs of exec: before and after the container's cgroup is entered", async (t) => {
  const first = (execCPUAffinity: Process["execCPUAffinity"]) =>
    planOps({ ...ls, execCPUAffinity }).filter((op) => /^(cpu_affinity|sync)/.test(op));
  t.same(first(undefined), ["cpu_affinity cpus=[] (optional)"], "those of the cgroup");
  t.same(first({ initial: "0-1,3" }), ["cpu_affinity cpus=[0b00000000000000]", "sync cgroup"]);
  t.same(first({ final: "64" }), ["cpu_affinity cpus=[00000000000000000100000000000000]"]);
  t.same(first({ initial: "1", final: "0" }), [
    "cpu_affinity cpus=[0200000000000000]",
    "sync cgroup",
    "cpu_affinity cpus=[0100000000000000]",
  ]);
  t.throws(() => first({ final: "1-x" }), {
    code: "CONFIG_INVALID",
    pointer: "/process/execCPUAffinity/final",
  });
});
