import type { HandedFd } from "./plan.ts";

/**
 * Numbers for the descriptors that init works with. Those that the runtime hands over come first, so all
 * of them are handed before the first one is opened.
 */
export type Slots = {
  readonly handed: HandedFd[];
  readonly free: number[];
  readonly inUse: Set<number>;
  next: number;
};

/** A table without descriptors. */
export function emptySlots(): Slots {
  return { handed: [], free: [], inUse: new Set(), next: 0 };
}

/** The slot of a descriptor that the runtime hands over. */
export function handSlot(slots: Slots, fd: HandedFd): number {
  const slot = slots.handed.push(fd) - 1;
  slots.next = slot + 1;
  slots.inUse.add(slot);
  return slot;
}

/** A slot for a descriptor that an op opens. */
export function openSlot(slots: Slots): number {
  const slot = slots.free.pop() ?? slots.next++;
  slots.inUse.add(slot);
  return slot;
}

/**
 * A slot that was never in use before. What stage 1 opens keeps its number through all of stage 2,
 * while the rest of the plan is made in another order than it runs.
 */
export function reserveSlot(slots: Slots): number {
  const slot = slots.next++;
  slots.inUse.add(slot);
  return slot;
}

/** Gives a slot back; the caller emits the `close` op. */
export function freeSlot(slots: Slots, slot: number): void {
  slots.inUse.delete(slot);
  slots.free.push(slot);
}
