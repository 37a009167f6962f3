import { existsSync } from "node:fs";

import { isFrozen } from "../cgroup/processes.ts";
import { isAlive } from "../state/identity.ts";
import { deriveStatus, type Status } from "../state/status.ts";
import type { State } from "../state/state.ts";

/** The status of a container now. */
export function statusOf(state: State, directory: string): Status {
  return deriveStatus({
    made: state.phase === "made",
    frozen: state.cgroup !== null && isFrozen(state.cgroup.path),
    initAlive: isAlive(state.init),
    fifoExists: existsSync(`${directory}/exec.fifo`),
  });
}
