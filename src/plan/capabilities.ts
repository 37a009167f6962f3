import { capabilities as numbers } from "../spec/tables.ts";
import type { Capabilities } from "../spec/types.ts";
import type { Warning } from "./context.ts";

export type CapabilityMasks = { readonly [set in keyof Required<Capabilities>]: bigint };

/** The five sets as bit masks. What the kernel does not know is left out, with a warning. */
export function capabilityMasks(
  capabilities: Capabilities | undefined,
  lastCapability: number,
  warnings: Warning[],
): CapabilityMasks {
  const unknown = new Set<string>();
  const mask = (names: readonly string[] | undefined): bigint => {
    let bits = 0n;
    for (const name of names ?? []) {
      const number = capabilityNumber(name);
      if (number === undefined || number > lastCapability) unknown.add(name);
      else bits |= 1n << BigInt(number);
    }
    return bits;
  };
  const masks = {
    bounding: mask(capabilities?.bounding),
    effective: mask(capabilities?.effective),
    inheritable: mask(capabilities?.inheritable),
    permitted: mask(capabilities?.permitted),
  };
  const ambient = mask(capabilities?.ambient);
  // The kernel raises a capability to ambient only when it is permitted and inheritable.
  const raised = ambient & masks.permitted & masks.inheritable;
  (capabilities?.ambient ?? []).forEach((name, index) => {
    if ((ambient & ~raised & bitOf(name)) === 0n) return;
    const missing = (masks.permitted & bitOf(name)) === 0n ? "permitted" : "inheritable";
    const message = `can't raise ambient capability ${name}: operation not permitted (it is not ${missing})`;
    warnings.push({ message, origin: `/process/capabilities/ambient/${index}` });
  });
  if (unknown.size > 0) {
    const message = `ignoring unknown or unavailable capabilities: ${[...unknown].toSorted().join(" ")}`;
    warnings.push({ message, origin: "/process/capabilities" });
  }
  return { ...masks, ambient: raised };
}

function bitOf(name: string): bigint {
  return 1n << BigInt(capabilityNumber(name) ?? 64);
}

function capabilityNumber(name: string): number | undefined {
  return Object.hasOwn(numbers, name) ? numbers[name as keyof typeof numbers] : undefined;
}
