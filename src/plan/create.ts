import { isAbsolute, join, posix } from "node:path";
import type { HostFacts } from "../host/facts.ts";
import {
  CLONE_NEWCGROUP,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  KEY_OTH_SEARCH,
  KEY_USR_SEARCH,
} from "../linux.ts";
import type { Process, ValidSpec } from "../spec/types.ts";
import { checkCreate, requireProcess } from "./checks.ts";
import { describe, type CreateContext, type CreatePlanOptions } from "./context.ts";
import { planCredentials } from "./credentials.ts";
import { fillsDev, planDevices } from "./devices.ts";
import { environmentValue, planEnvironment } from "./environment.ts";
import { handIdmaps } from "./idmaps.ts";
import { planMounts } from "./mounts.ts";
import {
  chooseNamespaces,
  freeNamespaces,
  handNamespaces,
  joinNamespaces,
  planIdMaps,
  unshareOthers,
  unshareUser,
} from "./namespaces.ts";
import type { HostSteps, Plan, PlannedOp } from "./plan.ts";
import { planOomScore, planRlimits, planScheduling } from "./process.ts";
import { planPaths, planReadonlyRoot, planRoot, planSwitchRoot } from "./rootfs.ts";
import { hasLabels, planLabels, planNoNewPrivileges, planSeccomp } from "./security.ts";
import { emptySlots, handSlot, openSlot, type Slots } from "./slots.ts";
import { escapePointer, planSysctl } from "./sysctl.ts";
import { syncPoint } from "./wire.ts";

export type { CreatePlanOptions } from "./context.ts";

/** What a create does, in order. Pure: the same inputs give the same plan. */
export function planCreate(spec: ValidSpec, facts: HostFacts, options: CreatePlanOptions): Plan {
  const process = requireProcess(spec);
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
    warnings: [],
  };
  freeNamespaces(joined, slots);
  const setup = planSetup(context, process);
  const ops = [
    ...planOomScore(process),
    ...describe("", "make init undumpable", { op: "dumpable", on: 0 }),
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
    host: planHost(spec, process, context),
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
    ...describe("", "make init undumpable", { op: "dumpable", on: 0 }),
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
    ...planHooks(spec),
    ...planSwitchRoot(context),
    ...(fillsDev(context)
      ? describe("", "use the container's /dev/null", { op: "null_stdio" })
      : []),
    ...planSysctl(spec.linux?.sysctl, proc),
    ...mounts.last,
    ...planPaths(context, "readonly"),
    ...planReadonlyRoot(context),
    ...planPaths(context, "masked"),
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

function planHooks({ hooks }: ValidSpec): PlannedOp[] {
  const count = [hooks?.prestart, hooks?.createRuntime, hooks?.createContainer].flatMap(
    (list) => list ?? [],
  );
  if (count.length === 0) return [];
  return describe("/hooks", "wait for the hooks", { op: "sync", point: syncPoint.prestart });
}

/** From the privileged init to the user's program. */
function planExecution(
  context: CreateContext,
  process: Process,
  { fifo, preserved }: { fifo: number | null; preserved: readonly number[] },
): PlannedOp[] {
  const { spec, facts, options, warnings } = context;
  const env = planEnvironment(process.env ?? [], {
    extra: environmentOf(options),
    home: options.home,
    pointer: "/process/env",
  });
  return [
    ...planScheduling(process, spec.linux),
    ...planLabels(process, context.proc),
    ...planNoNewPrivileges(process),
    ...closeAll(context, new Set(fifo === null ? preserved : [...preserved, fifo])),
    ...keepFds(preserved),
    ...planSeccomp(process, options.seccomp, "privileged"),
    ...planCredentials({ process, spec, facts, warnings, ...planCwd(process) }),
    ...planProgram(process, { env, seccomp: options.seccomp, fifo }),
  ];
}

/** The working directory: entered while init may enter any, else once more as the user. */
function planCwd(process: Process): { beforeUser: PlannedOp[]; afterUser: PlannedOp[] } {
  const { uid = 0, gid = 0 } = process.user ?? {};
  const path = process.cwd;
  const enter = (create: number): PlannedOp[] =>
    describe("/process/cwd", `change directory to ${path}`, {
      op: "chdir",
      path,
      create,
      uid,
      gid,
    });
  const owner = describe("/process/user", `give stdio to user ${uid}`, { op: "stdio_owner", uid });
  return {
    beforeUser: [...(process.terminal ? [] : owner), ...enter(CHDIR_CREATE | CHDIR_LATER)],
    afterUser: enter(0),
  };
}

const CHDIR_CREATE = 1;
const CHDIR_LATER = 2;

function planProgram(
  process: Process,
  {
    env,
    seccomp,
    fifo,
  }: { env: string[]; seccomp: CreatePlanOptions["seccomp"]; fifo: number | null },
): PlannedOp[] {
  const args = process.args ?? [];
  const file = args[0] ?? "";
  const origin = "/process/args";
  const search = environmentValue(env, "PATH");
  const wait =
    fifo === null
      ? ({ op: "sync", point: syncPoint.start } as const)
      : ({ op: "wait_start", slot: fifo } as const);
  return [
    ...describe(`${origin}/0`, `find program ${file}`, { op: "find_program", file, search }),
    ...planSeccomp(process, seccomp, "last"),
    ...describe("", "report that the container is created", { op: "ready" }),
    ...describe("", "wait for start", wait),
    ...describe(origin, `execute ${args.join(" ")}`, { op: "exec", args, env }),
  ];
}

function closeAll({ slots }: CreateContext, kept: ReadonlySet<number>): PlannedOp[] {
  return [...slots.inUse]
    .filter((slot) => !kept.has(slot))
    .toSorted((a, b) => a - b)
    .flatMap((slot) => describe("", "close what init has open", { op: "close", slot }));
}

function keepFds(preserved: readonly number[]): PlannedOp[] {
  if (preserved.length === 0) return [];
  const slots = new Uint8Array(Uint32Array.from(preserved).buffer);
  return describe("", `keep ${preserved.length} descriptors from 3 on`, { op: "keep_fds", slots });
}

function handPreserved({ listenFds, preserveFds }: CreatePlanOptions, slots: Slots): number[] {
  return Array.from({ length: listenFds + preserveFds }, (_, index) =>
    handSlot(slots, { kind: "preserved", fd: 3 + index }),
  );
}

function environmentOf({ listenFds, notifySocket, extraEnv = [] }: CreatePlanOptions): string[] {
  return [
    ...extraEnv,
    ...(listenFds > 0 ? [`LISTEN_FDS=${listenFds}`, "LISTEN_PID=1"] : []),
    ...(notifySocket === undefined ? [] : ["NOTIFY_SOCKET=/run/notify/notify.sock"]),
  ];
}

function planHost(
  spec: ValidSpec,
  process: Process,
  { namespaces, facts, options }: CreateContext,
): HostSteps {
  const { seccomp } = spec.linux ?? {};
  return {
    idMaps: planIdMaps(spec.linux, namespaces, facts),
    rlimits: planRlimits(process),
    netDevices: Object.entries(spec.linux?.netDevices ?? {}).map(([host, { name }]) => ({
      host,
      container: name || host,
      origin: `/linux/netDevices/${escapePointer(host)}`,
    })),
    console: process.terminal === true,
    listener: options.seccomp?.notify
      ? { path: seccomp?.listenerPath ?? "", metadata: seccomp?.listenerMetadata ?? "" }
      : undefined,
  };
}

function rootfsPath({ root }: ValidSpec, { bundle }: CreatePlanOptions): string {
  const path = root?.path ?? "rootfs";
  return isAbsolute(path) ? posix.normalize(path) : join(bundle, path);
}
