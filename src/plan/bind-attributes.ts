import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MS_NOATIME,
  MS_NODIRATIME,
  MS_RELATIME,
  MS_STRICTATIME,
} from "../linux.ts";
import type { AttributeChange, MountOptions } from "./mount-options.ts";

const flagAttributes =
  MOUNT_ATTR_RDONLY |
  MOUNT_ATTR_NOSUID |
  MOUNT_ATTR_NODEV |
  MOUNT_ATTR_NOEXEC |
  MOUNT_ATTR_NOSYMFOLLOW;

const timeAttributes = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;

/**
 * Attributes of a bind; null when its options name none. When they name any, the others are cleared too: callers know
 * binds as mount(2) makes them, in a remount that replaces all flags. Where flags of the host's mounts are `locked`, in
 * a user namespace, those that can be stay: only what is asked for by name may fail.
 */
export function bindAttributes(
  { own, flags }: Pick<MountOptions, "own" | "flags">,
  locked: boolean,
): AttributeChange | null {
  if ((own.set | own.clear) === 0) return null;
  const times = accessTimes(flags);
  const set = (own.set & ~timeAttributes) | times.set;
  const named = (own.clear & ~timeAttributes) | times.clear;
  const others = locked ? MOUNT_ATTR_NOSYMFOLLOW : flagAttributes;
  return { set, clear: named | (others & ~set) };
}

/** How access times are kept, as a remount by mount(2) has it: as before unless one way is named, else as named alone. */
function accessTimes(flags: number): AttributeChange {
  if ((flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)) === 0) {
    return { set: 0, clear: 0 };
  }
  let set = (flags & MS_NOATIME) !== 0 ? MOUNT_ATTR_NOATIME : MOUNT_ATTR_RELATIME;
  if ((flags & MS_STRICTATIME) !== 0) set = MOUNT_ATTR_STRICTATIME;
  if ((flags & MS_NODIRATIME) !== 0) set |= MOUNT_ATTR_NODIRATIME;
  return { set, clear: timeAttributes };
}
