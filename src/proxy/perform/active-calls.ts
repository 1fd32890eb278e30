// Calls at once under each rule that bounds them. Where a mesh shares the bounds, a rule has as much room here as its share;
// whoever works out the shares is elsewhere, and no call waits for it.

import type { BudgetUse, CallBudgets } from "../../core/call-budget.ts";

/** Of one rule; whoever enters leaves the same one. */
export interface ActiveCount {
  active: number;
  peak: number;
  refused: boolean;
  share: number;
}

export class ActiveCalls implements CallBudgets {
  readonly #counts = new Map<string, ActiveCount>();
  readonly #unsharedRoom: number;

  /** `shared`: a rule has no room at all before its share is known. */
  constructor(shared: boolean) {
    this.#unsharedRoom = shared ? 0 : Number.POSITIVE_INFINITY;
  }

  of(rule: string): number {
    return this.#counts.get(rule)?.active ?? 0;
  }

  /** Whether one more call fits under `maxActive`, and under the share. */
  hasRoom(rule: string, maxActive: number): boolean {
    const count = this.#counts.get(rule);
    if (count === undefined) return Math.min(maxActive, this.#unsharedRoom) > 0;
    if (count.active < maxActive && count.active < count.share) return true;
    count.refused = true;
    return false;
  }

  enter(rule: string): ActiveCount {
    const count = this.#counts.get(rule) ?? this.#add(rule, this.#unsharedRoom);
    count.active++;
    if (count.active > count.peak) count.peak = count.active;
    return count;
  }

  leave(rule: string, count: ActiveCount): void {
    count.active--;
    if (count.active === 0 && count.share === this.#unsharedRoom && this.#counts.get(rule) === count)
      this.#counts.delete(rule);
  }

  look(rule: string): BudgetUse {
    const count = this.#counts.get(rule);
    if (count === undefined) return { active: 0, peak: 0, refused: false };
    const { active, peak, refused } = count;
    count.peak = active;
    count.refused = false;
    return { active, peak, refused };
  }

  setShare(rule: string, share: number | null): void {
    const count = this.#counts.get(rule);
    const room = share ?? this.#unsharedRoom;
    if (count !== undefined) count.share = room;
    else if (share !== null) this.#add(rule, room);
    if (share === null && count?.active === 0) this.#counts.delete(rule);
  }

  #add(rule: string, share: number): ActiveCount {
    const count = { active: 0, peak: 0, refused: false, share };
    this.#counts.set(rule, count);
    return count;
  }
}
