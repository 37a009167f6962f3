import { planCgroup } from "../cgroup/plan.ts";
import { readSystemd } from "../cgroup/systemd/manager.ts";
import type { HostFacts } from "../host/facts.ts";
import { readHostFacts } from "../host/read.ts";
import { located } from "../lifecycle/locate.ts";
import { planCreate } from "../plan/create.ts";
import { explainPlan, renderSteps, type Step } from "../plan/explain.ts";
import type { CompiledSeccomp } from "../seccomp/compile.ts";
import { usesNotify } from "../seccomp/profile.ts";
import { realBundle } from "../spec/bundle.ts";
import { type LoadedSpec, loadSpec } from "../spec/load.ts";
import { positionOf } from "../spec/positions.ts";
import type { Seccomp } from "../spec/types.ts";
import type { Invocation } from "./invocation.ts";
import { print } from "./output.ts";
import { readRootless } from "./creation.ts";

/** tsrun explain */
export function explain({ args, flags, globals }: Invocation<"explain">): number {
  const bundle = realBundle(args[0]!);
  const loaded = loadSpec(bundle);
  const steps = explainBundle(bundle, loaded, {
    rootless: readRootless(globals.rootless),
    systemd: globals["systemd-cgroup"],
  });
  print(flags.json ? `${JSON.stringify(steps, null, 2)}\n` : renderSteps(steps));
  return 0;
}

type ExplainOptions = { rootless: "true" | "false" | "auto"; systemd: boolean };

function explainBundle(bundle: string, loaded: LoadedSpec, options: ExplainOptions): Step[] {
  const { spec, text } = loaded;
  const facts = factsFor(loaded, readHostFacts({ rootless: options.rootless }));
  const id = "CONTAINER";
  try {
    const cgroup = planCgroup(spec.linux, facts.cgroup, {
      id,
      rootless: facts.rootless,
      systemd: options.systemd
        ? {
            ...readSystemd(facts.rootless ? "user" : "system"),
            annotations: spec.annotations,
          }
        : null,
    });
    const plan = planCreate(spec, facts, {
      id,
      bundle,
      start: "fifo",
      noPivot: false,
      noNewKeyring: false,
      preserveFds: 0,
      listenFds: 0,
      seccomp: uncompiled(spec.linux?.seccomp),
      cgroupPath: cgroup?.path ?? null,
      entersScope: cgroup?.scope !== undefined,
    });
    return explainPlan(plan, cgroup, (pointer) => positionOf(text, pointer));
  } catch (error) {
    throw located(error, loaded);
  }
}

/** A bundle without a user namespace is meant for root, whoever asks. */
function factsFor({ spec }: LoadedSpec, facts: HostFacts): HostFacts {
  const hasUserNamespace = spec.linux?.namespaces?.some(({ type }) => type === "user") === true;
  if (facts.euid === 0 || hasUserNamespace) return facts;
  return { ...facts, euid: 0, egid: 0, rootless: false };
}

/** The steps do not depend on the filter's content, so that libseccomp is not needed to tell them. */
function uncompiled(seccomp: Seccomp | undefined): CompiledSeccomp | null {
  if (!seccomp?.defaultAction && !seccomp?.syscalls?.length) return null;
  const notify = usesNotify(seccomp.syscalls);
  return { filter: new Uint8Array(), flags: 0, notify, unknown: [] };
}
