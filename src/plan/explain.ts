import type { CgroupPlan } from "../cgroup/plan.ts";
import type { BusValue } from "../native.ts";
import { detailOf } from "./explain-details.ts";
import { namespaceNames } from "./namespaces.ts";
import type { HostSteps, Plan, PlannedOp } from "./plan.ts";
import { syncPoint } from "./wire.ts";

/** One thing that would happen. */
export type Step = {
  /** runtime: tsrun itself, on the host. init: the process that becomes the container's. */
  readonly who: "runtime" | "init";
  readonly what: string;
  readonly details?: readonly string[];
  /** JSON pointer into config.json; absent for what every container gets. */
  readonly pointer?: string;
  readonly line?: number;
  readonly column?: number;
  /** The container is made also when this fails. */
  readonly optional?: true;
};

type Locate = (pointer: string) => { line: number; column: number } | undefined;
type Draft = Omit<Step, "line" | "column">;

/** A plan in words: what tsrun and init would do, in order, and the place in config.json that asks for it. */
export function explainPlan(plan: Plan, cgroup: CgroupPlan | null, locate: Locate): Step[] {
  const drafts = [...(cgroup?.scope ? [] : explainCgroup(cgroup)), explainSpawn(plan)];
  for (const op of plan.ops) {
    const last = drafts.at(-1);
    if (last !== undefined && belongsTo(op, last)) drafts[drafts.length - 1] = withDetail(last, op);
    else drafts.push(withDetail(stepOf(op), op));
    if (op.op === "sync") drafts.push(...explainSync(Number(op.point), plan.host, cgroup));
    if (op.op === "seccomp" && plan.host.listener !== undefined) {
      const what = `send the seccomp listener to ${plan.host.listener.path}`;
      drafts.push({ who: "runtime", what, pointer: "/linux/seccomp/listenerPath" });
    }
  }
  drafts.push(...explainHooks(plan.host, ["poststart", "poststop"]));
  return drafts.map((draft) => ({
    ...draft,
    ...(draft.pointer === undefined ? {} : locate(draft.pointer)),
  }));
}

/** Steps as text, one a line: number, line of config.json, who, what. */
export function renderSteps(steps: readonly Step[]): string {
  const numberWidth = String(steps.length).length;
  const lineWidth = Math.max(4, ...steps.map(({ line }) => String(line ?? "").length));
  const header = `${"".padStart(numberWidth)}  ${"line".padStart(lineWidth)}  who      what\n`;
  const lines = steps.map((step, index) => {
    const details = step.details === undefined ? "" : ` (${step.details.join("; ")})`;
    const optional = step.optional ? " [may fail]" : "";
    const number = String(index + 1).padStart(numberWidth);
    const line = String(step.line ?? "-").padStart(lineWidth);
    return `${number}  ${line}  ${step.who.padEnd(7)}  ${step.what}${details}${optional}\n`;
  });
  return header + lines.join("");
}

function stepOf({ what, origin, optional }: PlannedOp): Draft {
  const pointer = origin === "" ? undefined : origin;
  return {
    who: "init",
    what,
    ...(pointer === undefined ? {} : { pointer }),
    ...(optional ? { optional } : {}),
  };
}

function belongsTo(op: PlannedOp, { who, what, pointer }: Draft): boolean {
  return who === "init" && op.what === what && op.origin === (pointer ?? "");
}

function withDetail(draft: Draft, op: PlannedOp): Draft {
  const detail = detailOf(op);
  return detail === null ? draft : { ...draft, details: [...(draft.details ?? []), detail] };
}

function explainSpawn(plan: Plan): Draft {
  const flags = plan.cloneFlags;
  const what = flags === 0 ? "start init" : `start init in new ${namespaceNames(flags)} namespaces`;
  const handed = plan.fds.map((fd) => {
    switch (fd.kind) {
      case "exec-fifo":
        return "the exec fifo";
      case "namespace":
        return fd.path;
      case "container-pidfd":
        return "the container's pidfd";
      case "user-namespace":
        return `a user namespace for ${fd.origin}`;
      case "preserved":
        return `descriptor ${fd.fd}`;
    }
  });
  const details = handed.length === 0 ? {} : { details: [`hand over ${handed.join(", ")}`] };
  return {
    who: "runtime",
    what,
    ...(flags === 0 ? {} : { pointer: "/linux/namespaces" }),
    ...details,
  };
}

function explainCgroup(cgroup: CgroupPlan | null): Draft[] {
  if (cgroup === null) return [{ who: "runtime", what: "make no cgroup" }];
  const enable =
    cgroup.controllers.length > 0 ? { details: [`enable ${cgroup.controllers.join(" ")}`] } : {};
  const { scope } = cgroup;
  const pointer = "/linux/cgroupsPath";
  const steps: Draft[] = [
    scope === undefined
      ? { who: "runtime", what: `create cgroup ${cgroup.path}`, pointer, ...enable }
      : {
          who: "runtime",
          what: `have systemd start ${scope.unit}, with init in it, as cgroup ${cgroup.path}`,
          pointer,
          details: scope.properties.map(([name, , value]) => `${name}=${wordOf(value)}`),
        },
  ];
  for (const { file, value, origin, optional } of cgroup.writes) {
    const what = `write ${file} = ${value.trim()}`;
    steps.push({ who: "runtime", what, pointer: origin, ...(optional ? { optional } : {}) });
  }
  if (cgroup.devices !== null) {
    const pointer = "/linux/resources/devices";
    const details = [`${cgroup.devices.program.length / 8} instructions`];
    steps.push({ who: "runtime", what: "restrict devices by a program", pointer, details });
  }
  return steps;
}

function wordOf(value: BusValue): string {
  return Array.isArray(value) ? `[${value.map(wordOf).join(" ")}]` : String(value);
}

function explainSync(point: number, host: HostSteps, cgroup: CgroupPlan | null): Draft[] {
  switch (point) {
    case syncPoint.cgroup:
      return explainCgroup(cgroup);
    case syncPoint.map:
      return explainMaps(host);
    case syncPoint.netns:
      return host.netDevices.map(({ host: name, container, origin }) => {
        const renamed = name === container ? "" : ` as ${container}`;
        return { who: "runtime", what: `move network device ${name}${renamed}`, pointer: origin };
      });
    case syncPoint.prestart:
      return explainHooks(host, ["prestart", "createRuntime", "createContainer"]);
    case syncPoint.commit:
      return [
        ...host.rlimits.map(({ name, soft, hard, origin }): Draft => {
          return { who: "runtime", what: `set ${name} to ${soft}:${hard}`, pointer: origin };
        }),
        ...explainResctrl(host),
        { who: "runtime", what: "write state.json" },
      ];
    default:
      return [];
  }
}

function explainResctrl({ intelRdt }: HostSteps): Draft[] {
  if (intelRdt === undefined) return [];
  const { closID, l3CacheSchema, memBwSchema, schemata = [], enableMonitoring } = intelRdt;
  const details = [
    ...[l3CacheSchema, memBwSchema, ...schemata].flatMap((line) => (line ? [line] : [])),
    ...(enableMonitoring ? ["monitored by itself"] : []),
  ];
  const what = `put init into the resctrl class ${closID || "of its id"}`;
  const pointer = "/linux/intelRdt";
  return [{ who: "runtime", what, pointer, ...(details.length > 0 ? { details } : {}) }];
}

function explainMaps({ idMaps }: HostSteps): Draft[] {
  if (idMaps === undefined) return [];
  const lines = (map: typeof idMaps.uid): string[] =>
    map.map(
      ({ containerID, hostID, size }) => `${containerID} is ${hostID} on the host, ${size} ids`,
    );
  const deny: Draft[] = idMaps.denySetgroups
    ? [{ who: "runtime", what: "deny setgroups", pointer: "/linux/gidMappings" }]
    : [];
  return [
    ...deny,
    {
      who: "runtime",
      what: "write gid_map",
      pointer: "/linux/gidMappings",
      details: lines(idMaps.gid),
    },
    {
      who: "runtime",
      what: "write uid_map",
      pointer: "/linux/uidMappings",
      details: lines(idMaps.uid),
    },
  ];
}

function explainHooks({ hooks = [] }: HostSteps, wanted: readonly string[]): Draft[] {
  return hooks
    .filter(({ name }) => wanted.includes(name))
    .map(({ name, path, origin }) => ({
      who: "runtime",
      what: `run ${name} hook ${path}`,
      pointer: origin,
    }));
}
