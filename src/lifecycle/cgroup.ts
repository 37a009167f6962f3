import { TsrunError } from "../errors.ts";
import type { State } from "../state/state.ts";

/** The cgroup of a container, for commands that work through it: a rootless container may have none. */
export function cgroupOf(state: State, command: string): NonNullable<State["cgroup"]> {
  if (state.cgroup !== null) return state.cgroup;
  throw new TsrunError(
    "CGROUP",
    `cannot ${command} container ${state.id}: cgroups not configured for container`,
    {
      hint: "it was created without rights to make a cgroup: create it below a cgroup that is delegated to you (systemd-run --user --scope -p Delegate=yes ...)",
    },
  );
}
