// Who is here now, for members that come and go with connections and calls. A Set would do, but for the garbage: each
// time a Set or Map grows or shrinks its old table is left behind, full of members, and leads to the next one. A table
// that has become old keeps all its successors and their members alive from one full collection to the next. An array
// has no such past.

/** Knows its seat in the one roster that it may be in. */
export interface Seated {
  /** Owned by the roster; -1 while it is in none. */
  seat: number;
}

/** In no particular order. */
export class Roster<Member extends Seated> {
  readonly #members: Member[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** Without effect where it is in already. */
  add(member: Member): void {
    if (member.seat >= 0) return;
    member.seat = this.#members.length;
    this.#members.push(member);
  }

  /** Without effect where it is not in. */
  remove(member: Member): void {
    const { seat } = member;
    if (seat < 0) return;
    member.seat = -1;
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    last.seat = seat;
    this.#members[seat] = last;
  }

  /** Members may leave meanwhile, the one at hand and others; then one may be visited twice. Who comes meanwhile may be left out. */
  each(visit: (member: Member) => void): void {
    // Backwards: whoever takes the seat of one that leaves has been visited, or is new.
    for (let seat = this.#members.length - 1; seat >= 0; seat--) {
      const member = this.#members[seat];
      if (member) visit(member);
    }
  }
}
