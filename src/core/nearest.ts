// The known word that a mistyped one probably meant.

/** The candidate within two typing slips (one for words of up to four letters), case aside; undefined where none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  let best: string | undefined;
  let bestSlips = word.length <= 4 ? 1 : 2;
  for (const candidate of candidates) {
    const slips = isShortFor(word, candidate)
      ? 0.5
      : slipsBetween(word.toLowerCase(), candidate.toLowerCase());
    if (slips > bestSlips || (slips === bestSlips && best !== undefined)) continue;
    best = candidate;
    bestSlips = slips;
  }
  return best;
}

/** `match` for `matches`, `header` for `headers`: likelier than any slip. */
function isShortFor(word: string, candidate: string): boolean {
  return word.length >= 4 && candidate.length <= word.length + 2 && candidate.startsWith(word);
}

/** Optimal string alignment distance: insert, drop, change, or swap two neighbours. */
function slipsBetween(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const change = at(last, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      let cost = Math.min(change, at(last, column) + 1, at(current, column - 1) + 1);
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (row > 1 && column > 1 && swapped) cost = Math.min(cost, at(beforeLast, column - 2) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
