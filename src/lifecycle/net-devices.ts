import { TsrunError } from "../errors.ts";
import type { HostSteps } from "../plan/plan.ts";

/** Moves network devices of the host into the network namespace of the process. */
export function moveNetDevices(_pid: number, devices: HostSteps["netDevices"]): void {
  const [first] = devices;
  if (first === undefined) return;
  throw new TsrunError("CONFIG_UNSUPPORTED", `cannot move network device ${first.host}`, {
    pointer: first.origin,
  });
}
