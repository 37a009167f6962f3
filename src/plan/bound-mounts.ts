import { posix } from "node:path";
import { TsrunError } from "../errors.ts";
import type { Spec } from "../spec/types.ts";
import { planCgroupMount, type CgroupMountContext } from "./cgroup-mount.ts";
import type { CreatePlanOptions } from "./context.ts";
import { isBind, parseMountOptions } from "./mount-options.ts";
import { bindSource } from "./mounts.ts";

/** A mount of the container that shows something of the host. */
export type BoundMount = {
  /** As config.json has it, made absolute. */
  readonly destination: string;
  readonly source: string;
  readonly origin: string;
  /** Ids are mapped on the way. */
  readonly idmapped: boolean;
};

/** Which of a container's mounts are binds of what the host has. */
export function listBoundMounts(
  { mounts = [] }: Spec,
  context: CgroupMountContext & { readonly options: Pick<CreatePlanOptions, "bundle"> },
): BoundMount[] {
  return mounts.flatMap((mount, index): BoundMount[] => {
    const origin = `/mounts/${index}`;
    const destination = posix.resolve("/", mount.destination);
    if (isBind(mount)) {
      const { remount, idmap } = parseMountOptions(mount, origin);
      if (remount) return [];
      const idmapped =
        idmap !== "none" || !!mount.uidMappings?.length || !!mount.gidMappings?.length;
      return [{ destination, source: bindSource(mount, context), origin, idmapped }];
    }
    if (mount.type !== "cgroup" && mount.type !== "cgroup2") return [];
    const source = planCgroupMount(context, origin);
    return source === null ? [] : [{ destination, source, origin, idmapped: false }];
  });
}

/** CRIU does not know id-mapped mounts: it would mount them again with the ids of the host. */
export function refuseIdmapped(mounts: readonly BoundMount[]): void {
  const found = mounts.find(({ idmapped }) => idmapped);
  if (found === undefined) return;
  throw new TsrunError(
    "CONFIG_UNSUPPORTED",
    `a container with an id-mapped mount (${found.destination}) can be neither checkpointed nor restored`,
    { pointer: found.origin, hint: "CRIU would mount it again with the ids of the host" },
  );
}
