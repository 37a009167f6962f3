import { readSystemd } from "../cgroup/systemd/manager.ts";
import { readHostFacts } from "../host/read.ts";
import { located } from "../lifecycle/locate.ts";
import { factsFor, planOnPaper } from "../plan/on-paper.ts";
import { explainPlan, renderSteps, type Step } from "../plan/explain.ts";
import { planResctrl } from "../resctrl/plan.ts";
import { realBundle } from "../spec/bundle.ts";
import { type LoadedSpec, loadSpec } from "../spec/load.ts";
import { positionOf } from "../spec/positions.ts";
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
  const host = readHostFacts({ rootless: options.rootless });
  const instance = factsFor(spec, host).rootless ? "user" : "system";
  try {
    planResctrl(spec.linux?.intelRdt, "CONTAINER");
    const { plan, cgroup } = planOnPaper(spec, host, {
      id: "CONTAINER",
      bundle,
      systemd: options.systemd ? { ...readSystemd(instance), annotations: spec.annotations } : null,
    });
    return explainPlan(plan, cgroup, (pointer) => positionOf(text, pointer));
  } catch (error) {
    throw located(error, loaded);
  }
}
