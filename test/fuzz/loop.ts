// Coverage-guided fuzzing in one process: what runs a block for the first time joins the inputs that are mutated.
import type { Random } from "./random.ts";

/** What is fuzzed. */
export type Target = {
  /** Texts to begin with; all have to pass. */
  readonly seeds: readonly string[];
  readonly mutate: (text: string, other: string, random: Random) => string;
  /** Throws when a property does not hold; says whether the input was good. */
  readonly check: (text: string) => boolean;
};

export type Find = { readonly text: string; readonly error: Error };

export type Figures = {
  executions: number;
  /** Inputs that were good, to show that not all is refused at the first look. */
  accepted: number;
  blocks: number;
  inputs: number;
  finds: Find[];
};

export type Limits = {
  readonly until: (figures: Figures) => boolean;
  readonly blocks?: () => string[];
  readonly random: Random;
  /** Called with what was found, and now and then. */
  readonly tell?: (figures: Figures) => void;
};

const longest = 64 * 1024;
/** Asking what ran takes longer than most inputs do: it is asked once for so many. */
const batch = 8;

/** Runs all seeds, then mutations until the limit. */
export function fuzz(target: Target, { until, blocks, random, tell }: Limits): Figures {
  const pool = poolOf(blocks);
  const told = new Set<string>();
  const figures: Figures = { executions: 0, accepted: 0, blocks: 0, inputs: 0, finds: [] };
  const run = (text: string): void => {
    try {
      if (target.check(text)) figures.accepted += 1;
    } catch (error) {
      // The same mistake is found a thousand times.
      const key = String((error as Error).stack)
        .split("\n")
        .slice(0, 3)
        .join()
        .slice(0, 300);
      if (!told.has(key)) figures.finds.push({ text, error: error as Error });
      told.add(key);
    }
  };
  const runAll = (texts: readonly string[]): void => {
    for (const text of texts) run(text);
    figures.executions += texts.length;
    pool.add(texts, (text) => quietly(() => target.check(text)));
    Object.assign(figures, { blocks: pool.seen.size, inputs: pool.inputs.length });
  };
  runAll(target.seeds);
  for (let round = 1; !until(figures); round += 1) {
    const make = (): string => {
      const from = pool.inputs.length > 0 && !random.oneIn(8) ? pool.inputs : target.seeds;
      return target.mutate(random.pick(from), random.pick(from), random);
    };
    runAll(Array.from({ length: batch }, make).filter(({ length }) => length <= longest));
    if (round % 2000 === 0) tell?.(figures);
  }
  return figures;
}

type Pool = {
  readonly seen: ReadonlySet<string>;
  readonly inputs: readonly string[];
  /** Keeps those of the texts, which just ran, that ran something new. */
  add(texts: readonly string[], again: (text: string) => void): void;
};

function poolOf(blocks: (() => string[]) | undefined): Pool {
  const seen = new Set<string>();
  const inputs: string[] = [];
  const isNew = (): boolean => blocks?.().some((block) => !seen.has(block)) ?? false;
  return {
    seen,
    inputs,
    add(texts, again) {
      if (blocks === undefined || !isNew()) return;
      for (const text of texts) {
        again(text);
        const fresh = blocks().filter((block) => !seen.has(block));
        for (const block of fresh) seen.add(block);
        if (fresh.length > 0) inputs.push(text);
      }
    },
  };
}

function quietly(work: () => unknown): void {
  try {
    work();
  } catch {
    // It was told of when it ran the first time.
  }
}
