import { isErrno } from "../cgroup/files.ts";
import { freezeCgroup, thawCgroup } from "../cgroup/freezer.ts";
import { TsrunError } from "../errors.ts";
import { canPause } from "../state/transitions.ts";
import { cgroupOf } from "./cgroup.ts";
import { changeLocked } from "./change.ts";
import { statusOf } from "./status.ts";

type Named = { readonly root: string; readonly id: string };

/** Stops all processes of a container where they are. */
export function pauseContainer(named: Named): void {
  changeLocked(named, (state, directory) => {
    if (!canPause(statusOf(state, directory))) throw notRunning();
    const { path } = cgroupOf(state, "pause");
    try {
      freezeCgroup(path);
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENODEV")) throw notRunning();
      throw error;
    }
  });
}

/** Lets the processes of a paused container go on. */
export function resumeContainer(named: Named): void {
  changeLocked(named, (state, directory) => {
    if (statusOf(state, directory) !== "paused") {
      throw new TsrunError("CONTAINER_STATUS", "container not paused");
    }
    thawCgroup(cgroupOf(state, "resume").path);
  });
}

function notRunning(): TsrunError {
  return new TsrunError("CONTAINER_STATUS", "container not running");
}
