import { MS_PRIVATE, MS_SLAVE } from "../linux.ts";
import { describe, type CreateContext } from "./context.ts";
import type { PlannedOp } from "./plan.ts";
import { freeSlot, openSlot, reserveSlot } from "./slots.ts";
import { noSlot } from "./wire.ts";

export type Source = {
  /** Absolute path in the runtime's mount namespace. */
  readonly path: string;
  readonly recursive: boolean;
  readonly origin: string;
  readonly what: string;
  /** Where it is to be opened; by default a slot is taken. */
  readonly slot?: number;
};

/**
 * Opens a detached copy of a mount: in stage 1 where the container's root could not reach it, else in
 * `ops`. Returns its slot.
 */
export function openSource(context: CreateContext, ops: PlannedOp[], source: Source): number {
  const { path, origin, what } = source;
  const recursive = source.recursive ? 1 : 0;
  const { rootfs, root } = context;
  if (isBelow(path, rootfs)) {
    // Of the container's own tree, with what is mounted there by now.
    const slot = source.slot ?? openSlot(context.slots);
    const inside = path.slice(rootfs.length);
    const open = { op: "open_tree_below", root, path: inside, recursive, slot } as const;
    ops.push(...describe(origin, what, open));
    return slot;
  }
  if (context.early === null) {
    const slot = source.slot ?? openSlot(context.slots);
    ops.push(...describe(origin, what, { op: "open_tree", path, recursive, slot }));
    return slot;
  }
  const slot = source.slot ?? reserveSlot(context.slots);
  const propagation = propagationAtSetup(context);
  context.early.push(
    ...describe(
      origin,
      what,
      { op: "open_tree", path, recursive, slot },
      // The mounts of stage 1 are still peers of the host's.
      {
        op: "mount_attributes",
        slot,
        set: 0,
        clear: 0,
        propagation,
        recursive,
        userns: noSlot,
        locked: 0,
      },
    ),
  );
  return slot;
}

/** Whether a source lies in the rootfs. */
export function isBelow(path: string, rootfs: string): boolean {
  return rootfs !== "/" && path.startsWith(`${rootfs}/`);
}

/** Closes a slot. */
export function releaseSlot(
  { slots }: CreateContext,
  slot: number,
  origin: string,
  what: string,
): PlannedOp[] {
  freeSlot(slots, slot);
  return describe(origin, what, { op: "close", slot });
}

function propagationAtSetup({ spec }: CreateContext): number {
  return spec.linux?.rootfsPropagation?.endsWith("private") ? MS_PRIVATE : MS_SLAVE;
}
