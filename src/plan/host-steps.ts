import { hookNames } from "../spec/tables.ts";
import type { Process, ValidSpec } from "../spec/types.ts";
import type { CreateContext } from "./context.ts";
import { planIdMaps } from "./namespaces.ts";
import type { HostSteps } from "./plan.ts";
import { planRlimits } from "./process.ts";
import { escapePointer } from "./sysctl.ts";

/** What the runtime does from outside: id maps, limits, network devices, hooks. */
export function planHostSteps(
  spec: ValidSpec,
  process: Process,
  { namespaces, facts, options }: CreateContext,
): HostSteps {
  const { seccomp, netDevices = {}, intelRdt } = spec.linux ?? {};
  return {
    idMaps: planIdMaps(spec.linux, namespaces, facts),
    rlimits: planRlimits(process),
    netDevices: Object.entries(netDevices).map(([host, { name }]) => ({
      host,
      container: name || host,
      origin: `/linux/netDevices/${escapePointer(host)}`,
    })),
    console: process.terminal === true,
    listener: options.seccomp?.notify
      ? { path: seccomp?.listenerPath ?? "", metadata: seccomp?.listenerMetadata ?? "" }
      : undefined,
    ...(intelRdt === undefined ? {} : { intelRdt }),
    hooks: hookNames.flatMap((name) =>
      (spec.hooks?.[name] ?? []).map(({ path }, index) => ({
        name,
        path,
        origin: `/hooks/${name}/${index}`,
      })),
    ),
  };
}
