// Open streams by their id, for the streams of a connection, which come and go with every call. A Map would do, but for the
// garbage: each time it is made anew its old table stays behind, and keeps later tables and their dead streams alive from
// one full collection to the next. This is a table of its own (open addressing), whose places are used again.

/** Places at first; a power of two. */
const fewPlaces = 8;
/** An empty table that is larger than this is given up for a small one. */
const manyPlaces = 512;

export class StreamMap<Member> {
  #size = 0;
  /** 0: nobody's; no stream has that id. At most half of the places are taken, so that every search ends. */
  #ids: number[] = new Array(fewPlaces).fill(0);
  #members: (Member | null)[] = new Array(fewPlaces).fill(null);
  #mask = fewPlaces - 1;

  get size(): number {
    return this.#size;
  }

  /** Every place, taken or null, in no particular order. To be read at once. */
  get places(): readonly (Member | null)[] {
    return this.#members;
  }

  get(id: number): Member | undefined {
    const at = this.#find(id);
    return at < 0 ? undefined : (this.#members[at] ?? undefined);
  }

  has(id: number): boolean {
    return this.#find(id) >= 0;
  }

  /** `id`: above 0. */
  set(id: number, member: Member): void {
    const known = this.#find(id);
    if (known >= 0) {
      this.#members[known] = member;
      return;
    }
    if (++this.#size * 2 > this.#ids.length) this.#grow();
    this.#put(id, member);
  }

  delete(id: number): void {
    const at = this.#find(id);
    if (at < 0) return;
    this.#size--;
    if (this.#size === 0 && this.#ids.length > manyPlaces) this.#resize(fewPlaces);
    else this.#free(at);
  }

  clear(): void {
    this.#size = 0;
    this.#resize(fewPlaces);
  }

  /** As they are now, by their ids: a copy. */
  entries(): (readonly [id: number, member: Member])[] {
    const all: (readonly [number, Member])[] = [];
    for (const [at, member] of this.#members.entries())
      if (member !== null) all.push([this.#ids[at] ?? 0, member]);
    return all.sort(([one], [other]) => one - other);
  }

  #find(id: number): number {
    const ids = this.#ids;
    for (let at = (id >>> 1) & this.#mask; ; at = (at + 1) & this.#mask) {
      const found = ids[at];
      if (found === id) return at;
      if (found === 0) return -1;
    }
  }

  #put(id: number, member: Member): void {
    let at = (id >>> 1) & this.#mask;
    while (this.#ids[at] !== 0) at = (at + 1) & this.#mask;
    this.#ids[at] = id;
    this.#members[at] = member;
  }

  /** Whoever stands behind the gap because of it moves up, so that a search never meets a gap too early. */
  #free(at: number): void {
    const ids = this.#ids;
    const mask = this.#mask;
    let gap = at;
    for (let next = (at + 1) & mask; ids[next] !== 0; next = (next + 1) & mask) {
      const id = ids[next] ?? 0;
      const isPastHome = ((next - (id >>> 1)) & mask) >= ((next - gap) & mask);
      if (!isPastHome) continue;
      ids[gap] = id;
      this.#members[gap] = this.#members[next] ?? null;
      gap = next;
    }
    ids[gap] = 0;
    this.#members[gap] = null;
  }

  #grow(): void {
    const ids = this.#ids;
    const members = this.#members;
    this.#resize(ids.length * 2);
    for (const [at, member] of members.entries()) if (member !== null) this.#put(ids[at] ?? 0, member);
  }

  #resize(places: number): void {
    this.#ids = new Array(places).fill(0);
    this.#members = new Array(places).fill(null);
    this.#mask = places - 1;
  }
}
