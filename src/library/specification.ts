// What can be said about a configuration without making a container of it: no rights, no Linux, no native code.
import type { CgroupPlan } from "../cgroup/plan.ts";
import { TsrunError } from "../errors.ts";
import type { HostFacts } from "../host/facts.ts";
import { readHostFacts } from "../host/read.ts";
import { located } from "../lifecycle/locate.ts";
import { planOnPaper } from "../plan/on-paper.ts";
import { explainPlan, renderSteps, type Step } from "../plan/explain.ts";
import type { Plan } from "../plan/plan.ts";
import { checkConfig } from "../spec/check.ts";
import { defaultSpec as specToStartFrom } from "../spec/default.ts";
import type { Issue } from "../spec/issue.ts";
import { stringifyJson } from "../spec/json.ts";
import { type LoadedSpec, loadText } from "../spec/load.ts";
import { explainRefusal } from "../spec/refusal.ts";
import { positionOf } from "../spec/positions.ts";
import type { Spec, ValidSpec } from "../spec/types.ts";

/** A configuration: the text of a config.json, or what such a text says. */
export type Configuration = string | Spec;

/** What to call the configuration in messages. */
export type Naming = { readonly file?: string };

/** What a plan depends on besides the configuration. */
export type PlanOptions = Naming & {
  /** The host it is for. Default: this one; `modernHost` where this one is not Linux. */
  readonly host?: HostFacts;
  /** Default: `CONTAINER`. */
  readonly id?: string;
  /** Where relative paths start. Default: `/bundle`. */
  readonly bundle?: string;
};

/** A configuration to start from: a shell on a terminal in the root file system `rootfs`, for root. */
export function defaultSpec(): Spec {
  return specToStartFrom(false, { uid: 0, gid: 0 });
}

/** Reads a configuration; what `create` would refuse is a TsrunError with pointer and position. */
export function parseSpec(configuration: Configuration, naming: Naming = {}): ValidSpec {
  return load(configuration, naming).spec;
}

/** Everything that can be said about a configuration, errors and warnings, with line and column. */
export function validate(configuration: Configuration, naming: Naming = {}): Issue[] {
  return checkConfig(textOf(configuration), naming.file ?? usualFile);
}

/** What would be done to make the container: for init, and for its cgroup (null: it gets none). */
export function plan(
  configuration: Configuration,
  options: PlanOptions = {},
): { readonly plan: Plan; readonly cgroup: CgroupPlan | null } {
  return planLoaded(load(configuration, options), options);
}

/** The same step by step in words, each with the line of the configuration that it comes from. `renderSteps` makes a text of them. */
export function explain(configuration: Configuration, options: PlanOptions = {}): Step[] {
  const loaded = load(configuration, options);
  const { plan: planned, cgroup } = planLoaded(loaded, options);
  return explainPlan(planned, cgroup, (pointer) => positionOf(loaded.text, pointer));
}

export { renderSteps };

/** What of this host plans depend on; Linux only. */
export function readHost(): HostFacts {
  return readHostFacts({});
}

/** A host as they are today: Linux 6.12 with cgroup v2 alone, for root. */
export const modernHost: HostFacts = {
  euid: 0,
  egid: 0,
  inUserNamespace: false,
  rootless: false,
  kernel: { major: 6, minor: 12 },
  lastCapability: 40,
  lsm: { apparmor: false, selinux: false },
  cgroup: {
    mode: "unified",
    mountpoint: "/sys/fs/cgroup",
    controllers: ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"],
    v1Controllers: [],
    ownPath: "/",
    writable: true,
  },
  kcore: true,
  setgroupsDenied: false,
};

const usualFile = "config.json";

function load(configuration: Configuration, { file = usualFile }: Naming): LoadedSpec {
  try {
    return loadText({ file, text: textOf(configuration) });
  } catch (error) {
    throw explainRefusal(error);
  }
}

function textOf(configuration: Configuration): string {
  return typeof configuration === "string" ? configuration : stringifyJson(configuration);
}

function planLoaded(loaded: LoadedSpec, options: PlanOptions) {
  const { id = "CONTAINER", bundle = "/bundle" } = options;
  const host = options.host ?? (process.platform === "linux" ? readHost() : modernHost);
  if (!bundle.startsWith("/")) {
    throw new TsrunError("BUNDLE", `${bundle} is no absolute path of Linux`);
  }
  try {
    return planOnPaper(loaded.spec, host, { id, bundle, systemd: null });
  } catch (error) {
    throw located(error, loaded);
  }
}
