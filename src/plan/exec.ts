import { TsrunError } from "../errors.ts";
import type { ProcessFacts } from "../host/facts.ts";
import {
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  KEY_OTH_SEARCH,
  KEY_USR_SEARCH,
} from "../linux.ts";
import type { CompiledSeccomp } from "../seccomp/compile.ts";
import type { Process, ValidSpec } from "../spec/types.ts";
import { planExecAffinity } from "./affinity.ts";
import { checkProcess } from "./checks.ts";
import { describe, type Warning } from "./context.ts";
import { fillsDev } from "./devices.ts";
import { planEnvironment } from "./environment.ts";
import { becomeRoot, namespaceNames } from "./namespaces.ts";
import type { Plan, PlannedOp } from "./plan.ts";
import { planOomScore, planRlimits } from "./process.ts";
import { planProgram } from "./program.ts";
import { checkLabels, hasLabels } from "./security.ts";
import { emptySlots, freeSlot, handSlot, openSlot, type Slots } from "./slots.ts";
import { syncPoint } from "./wire.ts";

export type ExecPlanOptions = {
  /** CLONE_NEW* of the namespaces to join. */
  readonly namespaces: number;
  readonly preserveFds: number;
  readonly seccomp: CompiledSeccomp | null;
  /** A console is made for the process. */
  readonly terminal: boolean;
  /** Absolute path of the rootfs on the host; needed where the container has no mount namespace. */
  readonly rootfs?: string;
  /** Name of the session keyring to join. */
  readonly keyring?: string;
  readonly home?: string;
  /** The file to execute where it is not that of the first argument. */
  readonly program?: string;
  /** Before it becomes the program init waits at sync point `start`, else it says `ready` and goes on. */
  readonly waits: boolean;
};

/** Another process in a container that exists. */
export function planExec(
  process: Process,
  spec: ValidSpec,
  facts: ProcessFacts,
  options: ExecPlanOptions,
): Plan {
  checkProcess(process);
  checkLabels(process, facts);
  const slots = emptySlots();
  const warnings: Warning[] = [];
  const container = handSlot(slots, { kind: "container-pidfd" });
  const preserved = Array.from({ length: options.preserveFds }, (_, index) =>
    handSlot(slots, { kind: "preserved", fd: 3 + index }),
  );
  const entering = planEntry({ facts, slots, container }, options);
  const proc = hasLabels(process) ? openSlot(slots) : null;
  const root = options.terminal ? openSlot(slots) : null;
  const { home, seccomp } = options;
  const env = planEnvironment(process.env ?? [], { home, pointer: "/process/env" });
  const close = [proc, root].filter((slot) => slot !== null);
  const ending = options.waits
    ? describe("", "wait for start", { op: "sync", point: syncPoint.start })
    : describe("", "report that the process is ready", { op: "ready" });
  const ops = [
    ...planExecAffinity(process),
    ...planOomScore(process),
    ...planLimits(process),
    ...entering,
    ...(proc === null
      ? []
      : describe("", "open a private procfs", { op: "open_proc", slot: proc })),
    ...(root === null ? [] : planConsole(process, root)),
    ...(fillsDev(spec) ? describe("", "use the container's /dev/null", { op: "null_stdio" }) : []),
    ...planProgram(
      { ...process, terminal: options.terminal },
      {
        spec,
        facts,
        warnings,
        env,
        seccomp,
        proc,
        close,
        preserved,
        ending,
        makesDirectory: false,
        program: options.program,
      },
    ),
  ];
  const listener = seccomp?.notify
    ? {
        path: spec.linux?.seccomp?.listenerPath ?? "",
        metadata: spec.linux?.seccomp?.listenerMetadata ?? "",
      }
    : undefined;
  const host = { rlimits: [], netDevices: [], console: options.terminal, listener };
  return { kind: "exec", cloneFlags: 0, fds: slots.handed, ops, host, warnings };
}

/** Into the container: its namespaces, its root, a session of its own. */
function planEntry(
  { facts, slots, container }: { facts: ProcessFacts; slots: Slots; container: number },
  { namespaces, rootfs, keyring }: ExecPlanOptions,
): PlannedOp[] {
  const user = (namespaces & CLONE_NEWUSER) !== 0;
  const ops: PlannedOp[] = [];
  const hasMounts = (namespaces & CLONE_NEWNS) !== 0;
  const root = hasMounts ? null : openSlot(slots);
  if (root !== null) {
    if (rootfs === undefined) {
      throw new TsrunError(
        "INTERNAL",
        "a container without a mount namespace is entered by its rootfs",
      );
    }
    ops.push(
      ...describe("/root/path", `open rootfs ${rootfs}`, {
        op: "open_path",
        path: rootfs,
        slot: root,
      }),
    );
  }
  ops.push(...joinContainer(container, namespaces));
  if (user) {
    ops.push(...describe("", "become root in the user namespace", becomeRoot(facts)));
  }
  if ((namespaces & CLONE_NEWPID) !== 0)
    ops.push(...describe("", "start the second stage", { op: "fork" }));
  ops.push(...describe("", "start a session", { op: "setsid" }));
  if (keyring !== undefined) {
    const permission = user ? KEY_OTH_SEARCH : KEY_USR_SEARCH;
    const join = { op: "session_keyring", name: keyring, mask: 0xffff_ffff, permission } as const;
    ops.push(...describe("", `join session keyring ${keyring}`, join));
  }
  if (root !== null) {
    const what = "change root into the rootfs";
    ops.push(...describe("/root/path", what, { op: "chroot", root }, { op: "close", slot: root }));
    freeSlot(slots, root);
  }
  freeSlot(slots, container);
  return ops;
}

/** Joins the namespaces of a process by its pidfd, all at once. */
export function joinContainer(slot: number, namespaces: number): PlannedOp[] {
  const close = describe("", "close what leads out of the container", { op: "close", slot });
  if (namespaces === 0) return close;
  const what = `join the container's ${namespaceNames(namespaces)} namespaces`;
  return [
    ...describe("/linux/namespaces", what, { op: "setns", slot, flags: namespaces }),
    ...close,
  ];
}

/** Limits are set before the namespaces are joined: in a user namespace they could only be lowered. */
function planLimits(process: Process): PlannedOp[] {
  return planRlimits(process).flatMap(({ resource, name, soft, hard, origin }) =>
    describe(origin, `set ${name} to ${soft}:${hard}`, { op: "rlimit", resource, soft, hard }),
  );
}

function planConsole(process: Process, root: number): PlannedOp[] {
  const { width = 0, height = 0 } = process.consoleSize ?? {};
  const uid = process.user?.uid ?? 0;
  return describe(
    "/process/terminal",
    "create the console",
    { op: "open_path", path: "/", slot: root },
    { op: "console", root, width, height, uid, bind: 0 },
  );
}
