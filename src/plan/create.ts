import { posix } from "node:path";
import type { HostFacts } from "../host/facts.ts";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  KEY_OTH_SEARCH,
  KEY_USR_SEARCH,
} from "../linux.ts";
import type { Process, ValidSpec } from "../spec/types.ts";
import { resetAffinity } from "./affinity.ts";
import { checkCreate, processOf } from "./checks.ts";
import { describe, type CreateContext, type CreatePlanOptions, type Warning } from "./context.ts";
import { hasDefaultDevices, planDevices } from "./devices.ts";
import { planEnvironment } from "./environment.ts";
import { planHostSteps } from "./host-steps.ts";
import { handIdmaps } from "./idmaps.ts";
import { planMounts } from "./mounts.ts";
import {
  chooseNamespaces,
  freeNamespaces,
  handNamespaces,
  joinNamespaces,
  planVisibility,
  unshareOthers,
  unshareUser,
} from "./namespaces.ts";
import type { Plan, PlannedOp } from "./plan.ts";
import { planOomScore } from "./process.ts";
import { planProgram } from "./program.ts";
import {
  planPaths,
  planReadonlyRoot,
  planRootPropagation,
  planRoot,
  planSwitchRoot,
} from "./rootfs.ts";
import { planScopeEntry } from "./scope-entry.ts";
import { hasLabels } from "./security.ts";
import { emptySlots, handSlot, openSlot, type Slots } from "./slots.ts";
import { planSysctl } from "./sysctl.ts";
import { syncPoint } from "./wire.ts";

export type { CreatePlanOptions } from "./context.ts";

/** What a create does, in order. Pure: the same inputs give the same plan. */
export function planCreate(spec: ValidSpec, facts: HostFacts, options: CreatePlanOptions): Plan {
  const process = processOf(spec, options.start);
  const namespaces = chooseNamespaces(spec.linux);
  checkCreate(spec, process, { facts, namespaces, options });
  const slots = emptySlots();
  const joined = handNamespaces(namespaces, slots);
  const idmapSlots = handIdmaps(spec, { namespaces, facts }, slots);
  const fifo = options.start === "fifo" ? handSlot(slots, { kind: "exec-fifo" }) : null;
  const preserved = handPreserved(options, slots);
  const user = (namespaces.all & CLONE_NEWUSER) !== 0;
  const rootfs = rootfsPath(spec, options);
  const root = openSlot(slots);
  const needsProc = hasLabels(process) || Object.keys(spec.linux?.sysctl ?? {}).length > 0;
  const context: CreateContext = {
    spec,
    facts,
    options,
    namespaces,
    slots,
    rootfs,
    root,
    proc: needsProc ? openSlot(slots) : null,
    idmapSlots,
    early: user && facts.euid === 0 ? [] : null,
    warnings: warningsOfAnnotations(spec),
  };
  freeNamespaces(joined, slots);
  const setup = planSetup(context, process);
  const ops = [
    ...planScopeEntry(options),
    ...resetAffinity(),
    ...planOomScore(process),
    ...planStages(context, joined),
    ...planSession(context),
    ...planNames(spec),
    ...setup,
    ...planExecution(context, process, { fifo, preserved }),
  ];
  return {
    kind: "create",
    cloneFlags: namespaces.staged ? 0 : namespaces.created & ~CLONE_NEWCGROUP,
    fds: slots.handed,
    ops,
    host: planHostSteps(spec, process, context),
    warnings: context.warnings,
  };
}

/** Stage 1, or the joins of a direct start. */
function planStages(context: CreateContext, joined: Map<string, number>): PlannedOp[] {
  const { namespaces, facts, spec } = context;
  const joins = joinNamespaces(namespaces, joined, facts);
  // Root opens the sources after it joined all but the user namespace.
  const user = joins.findIndex((op) => op.op === "setns" && op.flags === CLONE_NEWUSER);
  const split = user < 0 || facts.euid !== 0 ? joins.length : user;
  const ops = [...joins.slice(0, split), ...(context.early ?? []), ...joins.slice(split)];
  if (!namespaces.staged) return ops;
  return [
    ...ops,
    ...unshareUser(namespaces, facts),
    ...unshareOthers(namespaces, spec.linux),
    ...describe("", "start the second stage", { op: "fork" }),
  ];
}

/** Session, cgroup namespace, keyring, network devices. */
function planSession({ namespaces, options, spec }: CreateContext): PlannedOp[] {
  const ops = describe("", "start a session", { op: "setsid" });
  if ((namespaces.created & CLONE_NEWCGROUP) !== 0) {
    const unshare = { op: "unshare", flags: CLONE_NEWCGROUP } as const;
    ops.push(...describe("/linux/namespaces", "create cgroup namespace", unshare));
  }
  if (!options.noNewKeyring) {
    const name = `_ses.${options.id}`;
    const permission = (namespaces.all & CLONE_NEWUSER) !== 0 ? KEY_OTH_SEARCH : KEY_USR_SEARCH;
    const keyring = { op: "session_keyring", name, mask: 0xffff_ffff, permission } as const;
    ops.push(...describe("", `join session keyring ${name}`, keyring));
  }
  if (Object.keys(spec.linux?.netDevices ?? {}).length > 0) {
    const sync = { op: "sync", point: syncPoint.netns } as const;
    ops.push(...describe("/linux/netDevices", "receive network devices", sync));
  }
  return ops;
}

function planNames({ hostname, domainname }: ValidSpec): PlannedOp[] {
  return [
    ...(hostname
      ? describe("/hostname", `set hostname ${hostname}`, { op: "hostname", name: hostname })
      : []),
    ...(domainname
      ? describe("/domainname", `set domainname ${domainname}`, {
          op: "domainname",
          name: domainname,
        })
      : []),
  ];
}

/** Root file system, mounts, devices, and the way into them; up to sync point `commit`. */
function planSetup(context: CreateContext, process: Process): PlannedOp[] {
  const { spec, proc } = context;
  const root = planRoot(context);
  const mounts = planMounts(context);
  return [
    ...root,
    ...(proc === null
      ? []
      : describe("", "open a private procfs", { op: "open_proc", slot: proc })),
    ...mounts.ops,
    ...planDevices(context),
    ...planConsole(context, process),
    ...planHooks(context),
    ...planSwitchRoot(context),
    ...(hasDefaultDevices(context)
      ? describe("", "use the container's /dev/null", { op: "null_stdio" })
      : []),
    ...planSysctl(spec.linux?.sysctl, proc),
    ...mounts.last,
    ...planPaths(context, "readonly"),
    ...planReadonlyRoot(context),
    ...planPaths(context, "masked"),
    ...planRootPropagation(context),
    ...describe("", "wait until the container is recorded", {
      op: "sync",
      point: syncPoint.commit,
    }),
  ];
}

function planConsole({ root, namespaces }: CreateContext, process: Process): PlannedOp[] {
  if (!process.terminal) return [];
  const { width = 0, height = 0 } = process.consoleSize ?? {};
  const uid = process.user?.uid ?? 0;
  const bind = (namespaces.all & CLONE_NEWNS) !== 0 ? 1 : 0;
  return describe("/process/terminal", "create the console", {
    op: "console",
    root,
    width,
    height,
    uid,
    bind,
  });
}

function planHooks({ spec: { hooks }, namespaces, facts }: CreateContext): PlannedOp[] {
  const count = [hooks?.prestart, hooks?.createRuntime, hooks?.createContainer].flatMap(
    (list) => list ?? [],
  );
  if (count.length === 0) return [];
  const wait = describe("/hooks", "wait for the hooks", {
    op: "sync",
    point: syncPoint.prestart,
  });
  if (!hooks?.createContainer?.length) return wait;
  return [
    ...planVisibility(namespaces, facts, true),
    ...wait,
    ...planVisibility(namespaces, facts, false),
  ];
}

/** The user's program. */
function planExecution(
  { spec, facts, options, warnings, proc, slots, namespaces }: CreateContext,
  process: Process,
  { fifo, preserved }: { fifo: number | null; preserved: readonly number[] },
): PlannedOp[] {
  const env = planEnvironment(process.env ?? [], {
    extra: environmentOf(options),
    home: options.home,
    pointer: "/process/env",
  });
  const kept = new Set(fifo === null ? preserved : [...preserved, fifo]);
  const close = [...slots.inUse].filter((slot) => !kept.has(slot)).toSorted((a, b) => a - b);
  const ending = planStart(fifo);
  const { seccomp } = options;
  return planProgram(process, {
    spec,
    facts,
    warnings,
    env,
    seccomp,
    proc,
    close,
    preserved,
    visible: planVisibility(namespaces, facts, true),
    ending,
    makesDirectory: true,
  });
}

/** How init says that the container is created, and what it waits for then. */
function planStart(fifo: number | null): PlannedOp[] {
  if (fifo === null) return describe("", "wait for start", { op: "sync", point: syncPoint.start });
  return [
    ...describe("", "report that the container is created", { op: "ready" }),
    ...describe("", "wait for start", { op: "wait_start", slot: fifo }),
  ];
}

function handPreserved({ listenFds, preserveFds }: CreatePlanOptions, slots: Slots): number[] {
  return Array.from({ length: listenFds + preserveFds }, (_, index) =>
    handSlot(slots, { kind: "preserved", fd: 3 + index }),
  );
}

function environmentOf({ listenFds, notifySocket }: CreatePlanOptions): string[] {
  return [
    ...(listenFds > 0 ? [`LISTEN_FDS=${listenFds}`, "LISTEN_PID=1"] : []),
    ...(notifySocket === undefined ? [] : ["NOTIFY_SOCKET=/run/notify/notify.sock"]),
  ];
}

function rootfsPath({ root }: ValidSpec, { bundle }: CreatePlanOptions): string {
  const path = root?.path ?? "rootfs";
  return posix.isAbsolute(path) ? posix.normalize(path) : posix.join(bundle, path);
}

function warningsOfAnnotations({ annotations }: ValidSpec): Warning[] {
  const handler = annotations?.["run.oci.handler"];
  if (handler === undefined) return [];
  const message = `run.oci.handler ${JSON.stringify(handler)} is not supported: the container runs as any other`;
  return [{ message, origin: "/annotations/run.oci.handler" }];
}
