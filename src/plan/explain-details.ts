import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_IDMAP,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from "../linux.ts";
import { capabilities } from "../spec/tables.ts";
import type { PlannedOp } from "./plan.ts";

type Attributes = Extract<PlannedOp, { op: "mount_attributes" }>;

const attributeNames: readonly (readonly [number, string])[] = [
  [MOUNT_ATTR_RDONLY, "ro"],
  [MOUNT_ATTR_NOSUID, "nosuid"],
  [MOUNT_ATTR_NODEV, "nodev"],
  [MOUNT_ATTR_NOEXEC, "noexec"],
  [MOUNT_ATTR_NOATIME, "noatime"],
  [MOUNT_ATTR_STRICTATIME, "strictatime"],
  [MOUNT_ATTR_NODIRATIME, "nodiratime"],
  [MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"],
];

/** Flags that a bind loses when its options name others. */
const bindFlags =
  MOUNT_ATTR_RDONLY |
  MOUNT_ATTR_NOSUID |
  MOUNT_ATTR_NODEV |
  MOUNT_ATTR_NOEXEC |
  MOUNT_ATTR_NOSYMFOLLOW;

const propagationNames = new Map<number, string>([
  [MS_PRIVATE, "private"],
  [MS_SLAVE, "slave"],
  [MS_SHARED, "shared"],
  [MS_UNBINDABLE, "unbindable"],
]);

/** What an op does beyond its `what`, in few words; null when that says it all. */
export function detailOf(op: PlannedOp): string | null {
  switch (op.op) {
    case "open_tree":
    case "open_tree_below":
      return `bind of ${op.path}${op.recursive ? " with what is mounted below" : ""}`;
    case "new_mount":
      return words([
        `new ${op.fstype}`,
        ...op.options,
        ...names(op.attributes),
        ...modeOf(op.copyMode),
      ]);
    case "legacy_mount":
      return words([`mount(2) of ${op.fstype}`, op.data ?? ""]);
    case "mount_attributes":
      return attributesDetail(op);
    case "copy_up":
      return "content copied up";
    case "mknod":
      return `mode ${(Number(op.mode) & 0o7777).toString(8).padStart(4, "0")}`;
    case "cap_bounding":
      return `keep ${capabilityNames(op.keep)}`;
    case "capset":
      return capsetDetail(op);
    case "cap_ambient":
      return capabilityNames(op.set);
    default:
      return null;
  }
}

function attributesDetail({
  set,
  clear,
  propagation,
  recursive,
  userns,
}: Attributes): string | null {
  const below = recursive ? " with what is mounted below" : "";
  if ((Number(set) & MOUNT_ATTR_IDMAP) !== 0)
    return `ids mapped through descriptor ${userns}${below}`;
  const touched = Number(set) | Number(clear);
  const cleared = names(Number(clear) & ~Number(set) & ~MOUNT_ATTR__ATIME).map(
    (name) => `not ${name}`,
  );
  const others = (touched & bindFlags) === bindFlags ? ["no other flags"] : cleared;
  // Clearing the access time field is how one of its values is set.
  const relatime =
    (Number(clear) & MOUNT_ATTR__ATIME) !== 0 && (Number(set) & MOUNT_ATTR__ATIME) === 0;
  const changes = words([
    ...names(set),
    ...(relatime ? ["relatime"] : []),
    ...others,
    propagationNames.get(Number(propagation)) ?? "",
  ]);
  return changes === null ? null : `${changes}${below}`;
}

function capsetDetail(op: Extract<PlannedOp, { op: "capset" }>): string {
  const sets = { effective: op.effective, permitted: op.permitted, inheritable: op.inheritable };
  return Object.entries(sets)
    .map(([name, mask]) => `${name} ${capabilityNames(mask)}`)
    .join("; ");
}

/** Names of the capabilities in a mask. */
function capabilityNames(mask: number | bigint): string {
  const found = Object.entries(capabilities).filter(
    ([, number]) => ((BigInt(mask) >> BigInt(number)) & 1n) === 1n,
  );
  if (found.length === 0) return "none";
  return found.length === Object.keys(capabilities).length
    ? "all"
    : found.map(([name]) => name).join(" ");
}

function names(attributes: number | bigint): string[] {
  return attributeNames
    .filter(([flag]) => (Number(attributes) & flag) !== 0)
    .map(([, name]) => name);
}

function modeOf(copyMode: number | bigint): string[] {
  return copyMode ? ["mode of the directory it covers"] : [];
}

function words(list: readonly string[]): string | null {
  const present = list.filter((word) => word !== "");
  return present.length === 0 ? null : present.join(", ");
}
