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
  t.same(planOps(ls).slice(0, 4), [
    "setns slot=0 flags=ipc, mount, pid",
    "close slot=0",
    "fork",
    "setsid",
  ]);
  t.notOk(planOps(ls, { namespaces: CLONE_NEWNS }).includes("fork"));
});

t.test("exec becomes root in a user namespace", async (t) => {
  const ops = planOps(ls, { namespaces: CLONE_NEWNS | CLONE_NEWUSER });
  t.equal(ops.indexOf("become_root clearGroups=1"), 2);
});

t.test(
  "exec sets limits before it joins a namespace in which they could only go down",
  async (t) => {
    const ops = planOps({ ...ls, rlimits: [{ type: "RLIMIT_CORE", soft: 1, hard: 2 }] });
    t.equal(ops[0], "rlimit resource=4 soft=0x1 hard=0x2");
  },
);

t.test("exec enters a container without a mount namespace by its rootfs", async (t) => {
  const ops = planOps(ls, { namespaces: CLONE_NEWPID, rootfs: "/srv/rootfs" });
  t.equal(ops[0], 'open_path path="/srv/rootfs" slot=1');
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
