// Divides a budget of calls at once among those who share it, from figures that all of them know: whoever computes this with
// the same figures finds the same shares, so nobody has to be asked.

import { hashText } from "../../../core/random.ts";

export interface Sharer {
  readonly name: string;
  /** Calls at once that it could use; 0: none at present. */
  readonly want: number;
}

/** A sharer, and what it counts on at present. */
export interface Holder extends Sharer {
  readonly held: number;
}

/** Rounds of finding out who holds too much; what is left undone makes shares smaller, not larger. */
const maxRounds = 16;

/**
 * What `self` may have of `total`: its share of what is left by those who hold more than theirs, and have not heard yet that
 * it is too much, or cannot hear.
 */
export function ownShare(total: number, self: Sharer, others: readonly Holder[], salt: string): number {
  let left = total;
  let sharers = others;
  for (let round = 0; round < maxRounds; round++) {
    const shares = shareOut(left, [self, ...sharers], salt);
    const heard = sharers.filter(({ name, held }) => held <= (shares.get(name) ?? 0));
    if (heard.length === sharers.length) return shares.get(self.name) ?? 0;
    left = Math.max(0, total - heldBy(others) + heldBy(heard));
    sharers = heard;
  }
  return Math.max(0, total - heldBy(others));
}

/** Calls at once that they count on together. */
export function heldBy(holders: readonly { readonly held: number }[]): number {
  return holders.reduce((sum, { held }) => sum + held, 0);
}

/**
 * Whole numbers that add up to `total`. Whoever wants less than an equal part gets what it wants, the others the same each
 * (max-min fairness); what nobody wants is divided equally, so that the first calls find room. Remainders go by a hash of
 * the names with `salt`, lest the same member be lucky with every rule.
 */
export function shareOut(
  total: number,
  sharers: readonly Sharer[],
  salt: string,
): ReadonlyMap<string, number> {
  const seed = hashText(salt);
  const ordered = sharers
    .map(({ name, want }) => ({ name, want, place: hashText(name, seed) }))
    .sort((a, b) => a.want - b.want || a.place - b.place || (a.name < b.name ? -1 : 1));
  const shares = new Map<string, number>();
  let left = total;
  for (const [index, { name, want }] of ordered.entries()) {
    const share = Math.min(want, Math.floor(left / (ordered.length - index)));
    shares.set(name, share);
    left -= share;
  }
  for (const [index, { name }] of ordered.entries()) {
    const extra = Math.floor(left / (ordered.length - index));
    shares.set(name, (shares.get(name) ?? 0) + extra);
    left -= extra;
  }
  return shares;
}
