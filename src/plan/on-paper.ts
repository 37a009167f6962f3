// A plan to be read, not to be carried out: nothing is compiled, and nothing is asked of the host.
import { type CgroupPlan, planCgroup } from "../cgroup/plan.ts";
import type { SystemdOptions } from "../cgroup/systemd/scope.ts";
import type { HostFacts } from "../host/facts.ts";
import type { CompiledSeccomp } from "../seccomp/compile.ts";
import { usesNotify } from "../seccomp/profile.ts";
import type { Seccomp, ValidSpec } from "../spec/types.ts";
import { planCreate } from "./create.ts";
import type { Plan } from "./plan.ts";

/** The plan of a create, and of the cgroup for it. */
export function planOnPaper(
  spec: ValidSpec,
  host: HostFacts,
  options: {
    readonly id: string;
    readonly bundle: string;
    readonly systemd: SystemdOptions | null;
  },
): { readonly plan: Plan; readonly cgroup: CgroupPlan | null } {
  const { id, bundle, systemd } = options;
  const facts = factsFor(spec, host);
  const { rootless } = facts;
  const cgroup = planCgroup(spec.linux, facts.cgroup, { id, rootless, systemd });
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
  return { plan, cgroup };
}

/** A bundle without a user namespace is meant for root, whoever asks. */
export function factsFor(spec: ValidSpec, facts: HostFacts): HostFacts {
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
