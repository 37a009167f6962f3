import { TsrunError } from "../errors.ts";
import type { HostFacts } from "../host/facts.ts";
import { CLONE_NEWUSER } from "../linux.ts";
import type { Mount, Spec } from "../spec/types.ts";
import type { Namespaces } from "./namespaces.ts";
import type { HandedFd } from "./plan.ts";
import { handSlot, type Slots } from "./slots.ts";

/** Hands over the user namespaces of idmapped mounts; their slots by the pointer of the mount. */
export function handIdmaps(
  spec: Spec,
  { namespaces, facts }: { namespaces: Namespaces; facts: HostFacts },
  slots: Slots,
): Map<string, number> {
  const handed = new Map<string, number>();
  for (const [index, mount] of (spec.mounts ?? []).entries()) {
    const origin = `/mounts/${index}`;
    const fd = mappingOf(mount, { spec, namespaces, origin });
    if (fd === null) continue;
    if (facts.euid !== 0) {
      throw invalid(mount, "id-mapped mounts are not supported in rootless containers", origin);
    }
    handed.set(origin, handSlot(slots, fd));
  }
  return handed;
}

function mappingOf(
  mount: Mount,
  { spec, namespaces, origin }: { spec: Spec; namespaces: Namespaces; origin: string },
): HandedFd | null {
  const { uidMappings: uid = [], gidMappings: gid = [], options = [] } = mount;
  if (uid.length > 0 && gid.length > 0) return { kind: "user-namespace", uid, gid, origin };
  if (uid.length > 0 || gid.length > 0) {
    throw invalid(mount, "uidMappings and gidMappings must be given together", origin);
  }
  if (!options.includes("idmap") && !options.includes("ridmap")) return null;
  const { uidMappings = [], gidMappings = [] } = spec.linux ?? {};
  if (uidMappings.length > 0 && gidMappings.length > 0) {
    return { kind: "user-namespace", uid: uidMappings, gid: gidMappings, origin };
  }
  const joined = namespaces.joined.find(({ flag }) => flag === CLONE_NEWUSER);
  if (joined !== undefined) return { kind: "namespace", path: joined.path, origin: joined.origin };
  throw invalid(mount, "idmap without mappings needs a user namespace of the container", origin);
}

function invalid(mount: Mount, message: string, pointer: string): TsrunError {
  const mounted = JSON.stringify(mount.destination);
  return new TsrunError("CONFIG_INVALID", `invalid id-mapped mount at ${mounted}: ${message}`, {
    pointer,
  });
}
