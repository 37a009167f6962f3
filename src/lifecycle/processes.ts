import { cgroupProcesses } from "../cgroup/processes.ts";
import { checkContainerId } from "../state/id.ts";
import { readState } from "../state/store.ts";
import { cgroupOf } from "./cgroup.ts";

/** The processes of a container and of all cgroups in it, as the caller numbers them. */
export function listProcesses({ root, id }: { root: string; id: string }): number[] {
  checkContainerId(id);
  return cgroupProcesses(cgroupOf(readState(root, id), "list the processes of").path);
}
