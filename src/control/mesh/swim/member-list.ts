// The members in a random order that each probe round follows to its end, and random picks among them.

import type { Random } from "../../../core/random.ts";
import type { MemberEntry } from "./member.ts";

export class MemberList {
  readonly #random: Random;
  readonly #byName = new Map<string, MemberEntry>();
  #order: MemberEntry[] = [];
  #cursor = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#order.length;
  }

  all(): readonly MemberEntry[] {
    return this.#order;
  }

  get(name: string): MemberEntry | undefined {
    return this.#byName.get(name);
  }

  /** At a random place, so that a newcomer's first probe comes neither first nor last. */
  add(entry: MemberEntry): void {
    this.#byName.set(entry.name, entry);
    const place = this.#below(this.#order.length + 1);
    const moved = this.#order[place];
    this.#order[place] = entry;
    if (moved !== undefined) this.#order.push(moved);
  }

  /** The next one that `fits`; at the end of the list `renew` says who stays, and the order is drawn anew. */
  next(fits: (entry: MemberEntry) => boolean, stays: (entry: MemberEntry) => boolean): MemberEntry | null {
    for (let tried = 0, most = this.#order.length; tried <= most; tried++) {
      if (this.#cursor >= this.#order.length) this.#renew(stays);
      const entry = this.#order[this.#cursor++];
      if (entry !== undefined && fits(entry)) return entry;
    }
    return null;
  }

  /** Up to `count` different ones that `fit`; in a list where few do, perhaps fewer. */
  pick(count: number, fits: (entry: MemberEntry) => boolean): readonly MemberEntry[] {
    const picked: MemberEntry[] = [];
    const tries = Math.max(3 * this.#order.length, 8);
    for (let i = 0; i < tries && picked.length < count; i++) {
      const entry = this.#order[this.#below(this.#order.length)];
      if (entry !== undefined && !picked.includes(entry) && fits(entry)) picked.push(entry);
    }
    return picked;
  }

  #renew(stays: (entry: MemberEntry) => boolean): void {
    this.#cursor = 0;
    for (const entry of this.#order) if (!stays(entry)) this.#byName.delete(entry.name);
    this.#order = this.#order.filter(stays);
    for (let i = this.#order.length - 1; i > 0; i--) {
      const j = this.#below(i + 1);
      const [a, b] = [this.#order[i], this.#order[j]];
      if (a === undefined || b === undefined) continue; // both lie within the list
      this.#order[i] = b;
      this.#order[j] = a;
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }
}
