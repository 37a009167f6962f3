/** The known word that a mistyped one most likely stands for. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const plain = simplify(word);
  const same = known.find((candidate) => candidate !== "" && simplify(candidate) === plain);
  if (same !== undefined) return same;
  let best: string | undefined;
  let least = Math.max(1, Math.floor(plain.length / 4)) + 1;
  for (const candidate of known) {
    const edits = distance(plain, simplify(candidate), least);
    if (edits < least && candidate !== "") {
      best = candidate;
      least = edits;
    }
  }
  return best;
}

// Case, separators and a plural are what people get wrong most.
function simplify(word: string): string {
  return word.toLowerCase().replaceAll(/[-_ ]/g, "").replace(/s$/, "");
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`; at most `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, before[j - 2]! + 1);
      }
      row.push(edits);
    }
    before = above;
    above = row;
  }
  return above[b.length]!;
}
