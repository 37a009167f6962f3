import type { IdMap } from "../plan/plan.ts";

type Ids = { readonly euid: number; readonly egid: number };
type Maps = { readonly uid: readonly IdMap[]; readonly gid: readonly IdMap[] };

/** The ids on the host of the root of a container with these id maps; without any it is tsrun's own user. */
export function hostRoot(
  maps: Maps | undefined,
  { euid, egid }: Ids,
): { uid: number; gid: number } {
  const hostId = (map: readonly IdMap[] | undefined, own: number): number =>
    map?.find(({ containerID }) => containerID === 0)?.hostID ?? own;
  return { uid: hostId(maps?.uid, euid), gid: hostId(maps?.gid, egid) };
}
