/** A repeatable source of choices. */
export type Random = {
  /** A whole number from 0 up to, not including, `end`. */
  below(end: number): number;
  /** One of the items. */
  pick<T>(items: readonly T[]): T;
  /** True one time in `n`. */
  oneIn(n: number): boolean;
};

/** Choices from a seed (xorshift32). */
export function randomFrom(seed: number): Random {
  let state = seed | 1;
  const below = (end: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 0x1_0000_0000) * end);
  };
  return {
    below,
    pick: (items) => {
      if (items.length === 0) throw new Error("nothing to pick from");
      return items[below(items.length)]!;
    },
    oneIn: (n) => below(n) === 0,
  };
}
