import { TsrunError } from "../errors.ts";
import {
  CLONE_NEWNS,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from "../linux.ts";
import { rootfsPropagations } from "../spec/tables.ts";
import type { Spec } from "../spec/types.ts";
import { describe, type CreateContext, type CreatePlanOptions } from "./context.ts";
import type { PlannedOp } from "./plan.ts";
import type { Namespaces } from "./namespaces.ts";
import { openSource } from "./sources.ts";
import { noSlot } from "./wire.ts";

const propagationFlags: Readonly<Record<string, number>> = rootfsPropagations;

/** Propagation of "/" while the mounts are made, and the rootfs as a mount of its own. */
export function planRoot(context: CreateContext): PlannedOp[] {
  const { namespaces, rootfs, root, early, spec } = context;
  const origin = "/root/path";
  if ((namespaces.all & CLONE_NEWNS) === 0) {
    const open = describe(origin, `open rootfs ${rootfs}`, {
      op: "open_path",
      path: rootfs,
      slot: root,
    });
    if (early === null) return open;
    early.push(...open);
    return [];
  }
  const setup = setupPropagation(spec);
  const ops = describe("/linux/rootfsPropagation", `make "/" ${setup.name}`, {
    op: "propagate",
    path: "/",
    flags: setup.flags,
  });
  const what = `mount rootfs ${rootfs}`;
  openSource(context, ops, { path: rootfs, recursive: true, origin, what, slot: root });
  if ((setup.flags & MS_SHARED) !== 0) {
    // pivot_root refuses a shared root, and the rootfs is a copy of a shared mount here.
    ops.push(
      ...describe(origin, what, {
        op: "mount_attributes",
        slot: root,
        set: 0,
        clear: 0,
        propagation: MS_PRIVATE,
        recursive: 0,
        userns: noSlot,
        locked: 0,
      }),
    );
  }
  return [...ops, ...describe(origin, what, { op: "attach_root", slot: root, path: rootfs })];
}

/** Makes the rootfs "/". */
export function planSwitchRoot({ namespaces, options, root }: CreateContext): PlannedOp[] {
  const origin = "/root/path";
  if ((namespaces.all & CLONE_NEWNS) === 0) {
    return describe(origin, "change root into the rootfs", { op: "chroot", root });
  }
  return options.noPivot
    ? describe(origin, "move the rootfs onto /", { op: "move_root", root })
    : describe(origin, "pivot into the rootfs", { op: "pivot", root });
}

/** Shared or unbindable; only when nothing is left to be bound, as read-only paths are. */
export function planRootPropagation({ namespaces, spec }: CreateContext): PlannedOp[] {
  const flags = propagationFlags[spec.linux?.rootfsPropagation ?? ""] ?? 0;
  // Private and slave were set before the mounts were made, which have their own propagation since.
  if ((namespaces.all & CLONE_NEWNS) === 0 || (flags & (MS_SHARED | MS_UNBINDABLE)) === 0)
    return [];
  const what = `make the rootfs ${spec.linux?.rootfsPropagation}`;
  return describe("/linux/rootfsPropagation", what, { op: "root_propagation", flags });
}

/** The last of the mounts' settings: root.readonly. */
export function planReadonlyRoot({ spec, namespaces, warnings }: CreateContext): PlannedOp[] {
  if (!spec.root?.readonly) return [];
  if ((namespaces.all & CLONE_NEWNS) === 0) {
    // It would be the host's mount that changes. runc leaves it, too, and says nothing.
    const message =
      "the rootfs stays writable: it takes a private MNT namespace to make it read-only";
    warnings.push({ message, origin: "/root/readonly" });
    return [];
  }
  const what = "make the rootfs read-only";
  return describe("/root/readonly", what, { op: "root_attributes", set: MOUNT_ATTR_RDONLY });
}

/** readonlyPaths and maskedPaths; `select` says which. */
export function planPaths({ spec }: CreateContext, select: "readonly" | "masked"): PlannedOp[] {
  const masked = select === "masked";
  const paths = (masked ? spec.linux?.maskedPaths : spec.linux?.readonlyPaths) ?? [];
  return paths.flatMap((path, index) =>
    masked
      ? describe(`/linux/maskedPaths/${index}`, `mask path ${path}`, { op: "masked_path", path })
      : describe(`/linux/readonlyPaths/${index}`, `make path ${path} read-only`, {
          op: "readonly_path",
          path,
        }),
  );
}

/** Refuses what would reach the runtime's own mounts, or cannot be made without mounts. */
export function checkMountNamespace(
  spec: Spec,
  namespaces: Namespaces,
  options: CreatePlanOptions,
): void {
  const propagation = spec.linux?.rootfsPropagation;
  if (propagation && propagationFlags[propagation] === undefined) {
    throw new TsrunError("CONFIG_INVALID", `rootfsPropagation=${propagation} is not supported`, {
      pointer: "/linux/rootfsPropagation",
      hint: `one of ${Object.keys(propagationFlags).join(", ")}`,
    });
  }
  if (options.noPivot && ((propagationFlags[propagation ?? ""] ?? 0) & MS_PRIVATE) !== 0) {
    const message = "rootfsPropagation of [r]private is not safe with no_pivot_root";
    throw new TsrunError("CONFIG_INVALID", message, { pointer: "/linux/rootfsPropagation" });
  }
  if ((namespaces.all & CLONE_NEWNS) !== 0) return;
  const hint = 'add {"type": "mount"} to linux.namespaces';
  const { maskedPaths = [], readonlyPaths = [] } = spec.linux ?? {};
  if (maskedPaths.length + readonlyPaths.length > 0) {
    const message = "unable to restrict sys entries without a private MNT namespace";
    const pointer = maskedPaths.length > 0 ? "/linux/maskedPaths" : "/linux/readonlyPaths";
    throw new TsrunError("CONFIG_INVALID", message, { pointer, hint });
  }
}

function setupPropagation(spec: Spec): { name: string; flags: number } {
  const flags = propagationFlags[spec.linux?.rootfsPropagation ?? ""] ?? MS_SLAVE;
  if ((flags & MS_SHARED) !== 0) return { name: spec.linux?.rootfsPropagation ?? "", flags };
  if ((flags & MS_SLAVE) !== 0) return { name: "rslave", flags: MS_SLAVE | MS_REC };
  // Nothing could be bound from an unbindable tree; it becomes so when the rootfs is "/".
  return { name: "rprivate", flags: MS_PRIVATE | MS_REC };
}
