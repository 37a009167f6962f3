import { posix } from "node:path";
import { TsrunError } from "../errors.ts";
import {
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  MOUNT_ATTR_IDMAP,
  MOUNT_ATTR_RDONLY,
} from "../linux.ts";
import type { Mount } from "../spec/types.ts";
import { bindAttributes } from "./bind-attributes.ts";
import { planCgroupMount } from "./cgroup-mount.ts";
import { describe, type CreateContext } from "./context.ts";
import {
  type AttributeChange,
  isBind,
  type MountOptions,
  parseMountOptions,
} from "./mount-options.ts";
import { checkMountTarget } from "./mount-targets.ts";
import { fileSystemOptions } from "./mount-data.ts";
import type { PlannedOp } from "./plan.ts";
import { isBelow, openSource, releaseSlot } from "./sources.ts";
import { openSlot } from "./slots.ts";
import { noSlot } from "./wire.ts";

/** One entry of `mounts` on its way into ops. */
export type MountEntry = {
  readonly mount: Mount;
  readonly options: MountOptions;
  /** Absolute, from the container's root, without `..`. */
  readonly destination: string;
  readonly origin: string;
  readonly what: string;
};

/** init refuses a target that is no directory of its own, reached without symbolic links. */
const TARGET_ORDINARY = 0x10000;

/** The mounts in the order of config.json, and what is left to be made read-only after /dev is filled. */
export function planMounts(context: CreateContext): { ops: PlannedOp[]; last: PlannedOp[] } {
  const ops: PlannedOp[] = [];
  const last: PlannedOp[] = [];
  for (const [index, mount] of (context.spec.mounts ?? []).entries()) {
    const entry = readEntry(mount, `/mounts/${index}`, context);
    ops.push(...planMount(context, entry, last));
  }
  if (ops.length > 0 && (context.namespaces.all & CLONE_NEWNS) === 0) {
    const message = `without a private MNT namespace the mounts are made on the host, and stay there: umount -R ${context.rootfs}/... removes them`;
    context.warnings.push({ message, origin: "/mounts" });
  }
  if (context.spec.linux?.mountLabel && !context.facts.lsm.selinux) {
    const message = "mountLabel is not applied: selinux is disabled or not supported";
    context.warnings.push({ message, origin: "/linux/mountLabel" });
  }
  const { notifySocket } = context.options;
  if (notifySocket !== undefined) {
    const options = ["bind", "ro", "nosuid", "nodev", "noexec"];
    const mount = { destination: "/run/notify", type: "bind", source: notifySocket, options };
    ops.push(...planMount(context, readEntry(mount, "", context), last));
  }
  return { ops, last };
}

/**
 * The places for the mounts, made in the rootfs as a create makes them. Binds are mounted besides, as places of later
 * mounts may be in them. What will lie on a tmpfs of the container is left out, and cgroup mounts, which lie on sysfs.
 */
export function planMountPoints(context: CreateContext): PlannedOp[] {
  const { mounts = [] } = context.spec;
  return mounts.flatMap((mount, index) => {
    const entry = readEntry(mount, `/mounts/${index}`, context);
    const covered = mounts.some(
      ({ type, destination }) =>
        type === "tmpfs" && entry.destination.startsWith(`${posix.resolve("/", destination)}/`),
    );
    if (covered || entry.options.remount || isCgroup(mount)) return [];
    if (isBind(mount)) {
      const { recursiveBind: recursive } = entry.options;
      return planBind(context, entry, { path: bindSource(mount, context), recursive });
    }
    const { ops, target } = openTarget(context, entry);
    return [...ops, ...releaseSlot(context, target, entry.origin, entry.what)];
  });
}

function isCgroup({ type }: Mount): boolean {
  return type === "cgroup" || type === "cgroup2";
}

function readEntry(mount: Mount, origin: string, context: CreateContext): MountEntry {
  const options = parseMountOptions(mount, origin);
  const destination = withoutRootfs(posix.resolve("/", mount.destination), context.rootfs);
  if (!posix.isAbsolute(mount.destination)) {
    const message = `mount destination ${mount.destination} is not absolute: taken from /`;
    context.warnings.push({ message, origin: `${origin}/destination` });
  }
  checkMountTarget(mount, destination, origin);
  if (isBind(mount) && options.data.length > 0) {
    const message = `a bind mount has no file system of its own: ${options.data.join(", ")} is ignored`;
    context.warnings.push({ message, origin: `${origin}/options` });
  }
  const source = isBind(mount) ? bindSource(mount, context) : (mount.source ?? mount.type ?? "");
  const what = `mount ${JSON.stringify(source)} to rootfs at ${JSON.stringify(destination)}`;
  return { mount, options, destination, origin, what };
}

/** Some callers name places as the host sees them; runc takes the rootfs off, and so what they meant is what they get. */
function withoutRootfs(destination: string, rootfs: string): string {
  return isBelow(destination, rootfs) ? destination.slice(rootfs.length) : destination;
}

function planMount(context: CreateContext, entry: MountEntry, last: PlannedOp[]): PlannedOp[] {
  const { mount, options } = entry;
  if (isBind(mount)) {
    if (options.remount) return planRemountBind(context, entry);
    return planBind(context, entry, {
      path: bindSource(mount, context),
      recursive: options.recursiveBind,
    });
  }
  checkIdmap(entry, "id-mapped mounts are only supported for bind mounts");
  if (isCgroup(mount)) {
    const bind = planCgroupMount(context, entry.origin);
    return bind === null
      ? planNew(context, entry, { type: "cgroup2", source: "cgroup2", last })
      : planBind(context, entry, { path: bind, recursive: false });
  }
  if (mount.type === "sysfs" && sharesNetworkInUserNamespace(context)) {
    return planBind(context, entry, { path: "/sys", recursive: true });
  }
  if (!mount.type) {
    throw new TsrunError("CONFIG_INVALID", `${entry.what}: no file system type`, {
      pointer: `${entry.origin}/type`,
      hint: 'name a type such as "tmpfs", or add the option "bind"',
    });
  }
  return planNew(context, entry, { type: mount.type, source: mount.source || null, last });
}

/** A detached copy of a mount of the host, given its attributes, then attached. */
function planBind(
  context: CreateContext,
  entry: MountEntry,
  source: { path: string; recursive: boolean },
): PlannedOp[] {
  const { origin, what } = entry;
  const ops: PlannedOp[] = [];
  const slot = openSource(context, ops, { ...source, origin, what });
  const inside = isBelow(source.path, context.rootfs);
  const idmap = planIdmap(context, entry, { slot, asks: inside && context.early !== null });
  // Ids are mapped with the rights over the file system, so where its mount was opened.
  ((inside ? null : context.early) ?? ops).push(...idmap);
  ops.push(...planBindAttributes(context, entry, slot), ...planTree(entry, slot));
  return [...ops, ...attach(context, entry, slot)];
}

/** `bind,remount`: new attributes for what is mounted at the destination. */
function planRemountBind(context: CreateContext, entry: MountEntry): PlannedOp[] {
  const { ops, target } = openTarget(context, entry);
  ops.push(...planBindAttributes(context, entry, target), ...planTree(entry, target));
  return [...ops, ...releaseSlot(context, target, entry.origin, entry.what)];
}

/** A new file system. */
function planNew(
  context: CreateContext,
  entry: MountEntry,
  kind: { type: string; source: string | null; last: PlannedOp[] },
): PlannedOp[] {
  const { options, origin, what, destination } = entry;
  const { type, source, last } = kind;
  const plain = fileSystemOptions(type, options);
  const label = labelOf(context, type);
  if (plain === null) return planLegacy(context, entry, { type, source, label });
  const fileSystem = label === null ? plain : [...plain, `${contextType(context)}=${label}`];
  const copyMode =
    type === "tmpfs" && !fileSystem.some((option) => option.startsWith("mode=")) ? 1 : 0;
  const { ops, target } = openTarget(context, entry);
  const slot = openSlot(context.slots);
  const readonly = options.own.set & MOUNT_ATTR_RDONLY;
  // Devices are yet to be made below /dev, and tmpcopyup to fill its mount.
  const afterDevices = readonly !== 0 && destination === "/dev";
  const afterCopy = readonly !== 0 && options.copyUp && !afterDevices;
  const attributes =
    afterDevices || afterCopy ? options.own.set & ~MOUNT_ATTR_RDONLY : options.own.set;
  const mount = { fstype: type, source, options: fileSystem, attributes, target, copyMode, slot };
  ops.push(...describe(origin, what, { op: "new_mount", ...mount }));
  if (options.copyUp) ops.push(...describe(origin, what, { op: "copy_up", target, slot }));
  const makeReadonly = changeAttributes(entry, slot, { set: MOUNT_ATTR_RDONLY, clear: 0 });
  if (afterCopy) ops.push(...makeReadonly);
  ops.push(...planTree(entry, slot), ...describe(origin, what, { op: "move_mount", slot, target }));
  ops.push(...releaseSlot(context, target, origin, what));
  if (!afterDevices) return [...ops, ...releaseSlot(context, slot, origin, what)];
  last.push(...describe(origin, `make ${destination} read-only`, ...makeReadonly));
  return ops;
}

/** mount(2), for what the newer calls cannot express: remounts and long or compound data. */
function planLegacy(
  context: CreateContext,
  entry: MountEntry,
  { type, source, label }: { type: string; source: string | null; label: string | null },
): PlannedOp[] {
  const { options, origin, what } = entry;
  const { ops, target } = openTarget(context, entry);
  // mount(2) splits at commas, which a label may have.
  const words =
    label === null ? options.data : [...options.data, `${contextType(context)}="${label}"`];
  const data = words.length > 0 ? words.join(",") : null;
  const flags = options.flags;
  ops.push(
    ...describe(origin, what, { op: "legacy_mount", target, source, fstype: type, flags, data }),
  );
  ops.push(...releaseSlot(context, target, origin, what));
  if (planTree(entry, target).length === 0) return ops;
  const { ops: reopen, target: mounted } = openTarget(context, entry);
  return [
    ...ops,
    ...reopen,
    ...planTree(entry, mounted),
    ...releaseSlot(context, mounted, origin, what),
  ];
}

/** Attributes of the whole tree, then propagation in the order of the options. */
function planTree(entry: MountEntry, slot: number): PlannedOp[] {
  const { tree, propagation } = entry.options;
  const ops: PlannedOp[] = [];
  if ((tree.set | tree.clear) !== 0)
    ops.push(...changeAttributes(entry, slot, { ...tree, recursive: 1 }));
  for (const { flag, recursive } of propagation) {
    const change = { set: 0, clear: 0, propagation: flag, recursive: recursive ? 1 : 0 };
    ops.push(...changeAttributes(entry, slot, change));
  }
  return ops;
}

/** `asks`: where init has no rights over the file system any more, the runtime maps the ids. */
function planIdmap(
  context: CreateContext,
  entry: MountEntry,
  { slot, asks }: { readonly slot: number; readonly asks: boolean },
): PlannedOp[] {
  const userns = context.idmapSlots.get(entry.origin);
  if (userns === undefined) return [];
  const recursive = entry.options.idmap === "tree" ? 1 : 0;
  if (asks) return describe(entry.origin, entry.what, { op: "ask_idmap", slot, recursive, userns });
  return changeAttributes(entry, slot, { set: MOUNT_ATTR_IDMAP, clear: 0, recursive, userns });
}

/** The attributes of a bind; what real root opened is not locked yet, and is treated as if it were. */
function planBindAttributes(context: CreateContext, entry: MountEntry, slot: number): PlannedOp[] {
  const { facts, namespaces, early } = context;
  const locked =
    facts.inUserNamespace || facts.euid !== 0 || (namespaces.all & CLONE_NEWUSER) !== 0;
  const change = bindAttributes(entry.options, locked);
  if (change === null) return [];
  return changeAttributes(entry, slot, { ...change, locked: early === null ? 0 : 1 });
}

function changeAttributes(
  { origin, what }: MountEntry,
  slot: number,
  change: AttributeChange & {
    propagation?: number;
    recursive?: number;
    userns?: number;
    locked?: number;
  },
): PlannedOp[] {
  const { set, clear, propagation = 0, recursive = 0, userns = noSlot, locked = 0 } = change;
  const op = "mount_attributes";
  return describe(origin, what, { op, slot, set, clear, propagation, recursive, userns, locked });
}

function openTarget(
  context: CreateContext,
  { destination, mount, origin, what }: MountEntry,
  like: number = noSlot,
): { ops: PlannedOp[]; target: number } {
  const target = openSlot(context.slots);
  const ordinary = !isBind(mount) && (mount.type === "proc" || mount.type === "sysfs");
  const mode = ordinary ? TARGET_ORDINARY : 0;
  const root = context.root;
  const ops = describe(origin, what, {
    op: "target",
    root,
    path: destination,
    like,
    mode,
    slot: target,
  });
  return { ops, target };
}

function attach(context: CreateContext, entry: MountEntry, slot: number): PlannedOp[] {
  const { origin, what } = entry;
  const { ops, target } = openTarget(context, entry, slot);
  return [
    ...ops,
    ...describe(origin, what, { op: "move_mount", slot, target }),
    ...releaseSlot(context, target, origin, what),
    ...releaseSlot(context, slot, origin, what),
  ];
}

/** Absolute path of a bind's source; a relative one starts at the bundle. */
export function bindSource(
  { source }: Mount,
  { options }: { readonly options: { readonly bundle: string } },
): string {
  return posix.isAbsolute(source ?? "") ? (source ?? "") : posix.join(options.bundle, source ?? "");
}

/** The SELinux label of a new file system; the kernel's own have labels that cannot be chosen. */
function labelOf({ spec, facts }: CreateContext, type: string): string | null {
  const label = spec.linux?.mountLabel;
  return label && facts.lsm.selinux && !["proc", "sysfs", "mqueue", "cgroup2"].includes(type)
    ? label
    : null;
}

/** What the label is of; crun's annotation says so. */
function contextType({ spec }: CreateContext): string {
  return spec.annotations?.["run.oci.mount_context_type"] ?? "context";
}

function sharesNetworkInUserNamespace({ namespaces }: CreateContext): boolean {
  return (namespaces.all & CLONE_NEWUSER) !== 0 && (namespaces.all & CLONE_NEWNET) === 0;
}

function checkIdmap({ options, mount, origin, what }: MountEntry, message: string): void {
  if (options.idmap === "none" && !mount.uidMappings?.length && !mount.gidMappings?.length) return;
  throw new TsrunError("CONFIG_INVALID", `${what}: ${message}`, { pointer: origin });
}
