// The members on a ring, ordered by a hash of their names, which is the same ring at every member. Each one probes the member
// that is as many places after it as the common clock counts probe intervals: so in each interval each member is probed by
// one other, and a death is noticed after one interval at most, where independent random orders leave gaps of many. Clocks
// that differ turn this into a random order again, no worse. Over as many intervals as there are members, each probes all.

import type { Random } from "../../../core/random.ts";
import type { MemberEntry } from "./member.ts";

export class MemberList {
  readonly #random: Random;
  readonly #byName = new Map<string, MemberEntry>();
  #ring: MemberEntry[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#ring.length;
  }

  all(): readonly MemberEntry[] {
    return this.#ring;
  }

  get(name: string): MemberEntry | undefined {
    return this.#byName.get(name);
  }

  add(entry: MemberEntry): void {
    this.#byName.set(entry.name, entry);
    this.#ring.splice(this.#placeOf(entry), 0, entry);
  }

  /** The one `steps` places after `self`, or the first after it that `fits`. */
  after(self: MemberEntry, steps: number, fits: (entry: MemberEntry) => boolean): MemberEntry | null {
    const size = this.#ring.length;
    const start = this.#placeOf(self) + steps;
    for (let i = 0; i < size; i++) {
      const entry = this.#ring[(start + i) % size];
      if (entry !== undefined && fits(entry)) return entry;
    }
    return null;
  }

  /** Up to `count` different ones that `fit`, by chance; in a list where few do, perhaps fewer. */
  pick(count: number, fits: (entry: MemberEntry) => boolean): readonly MemberEntry[] {
    const picked: MemberEntry[] = [];
    const tries = Math.max(3 * this.#ring.length, 8);
    for (let i = 0; i < tries && picked.length < count; i++) {
      const entry = this.#ring[Math.floor(this.#random.next() * this.#ring.length)];
      if (entry !== undefined && !picked.includes(entry) && fits(entry)) picked.push(entry);
    }
    return picked;
  }

  /** Forgets all but those that stay. */
  retain(stays: (entry: MemberEntry) => boolean): void {
    for (const entry of this.#ring) if (!stays(entry)) this.#byName.delete(entry.name);
    this.#ring = this.#ring.filter(stays);
  }

  /** Where it is, or would be. */
  #placeOf(entry: MemberEntry): number {
    let low = 0;
    let high = this.#ring.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#ring[middle];
      if (other !== undefined && isBefore(other, entry)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isBefore(a: MemberEntry, b: MemberEntry): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.name < b.name);
}
