// What was seen at the recent Lamport times, so that nothing is delivered or told on twice. A ring of slots: what is older
// than the ring is taken for old.

/** As many times as the peers remember. */
const slots = 512;
/** Different things at one time. */
const maxPerTime = 64;

export class SeenTimes<T> {
  readonly #slots: ({ time: number; readonly seen: Map<string, T> } | undefined)[] = [];
  #leastTime = 0;

  /** What is older than `time` is not news any more. */
  ignoreBefore(time: number): void {
    this.#leastTime = Math.max(this.#leastTime, time);
  }

  /** True the first time that `key` comes with this time. `now`: of the clock. */
  isNews(time: number, key: string, value: T, now: number): boolean {
    if (time < this.#leastTime || time + slots < now) return false;
    const place = time % slots;
    let slot = this.#slots[place];
    if (slot === undefined || slot.time < time) {
      slot = { time, seen: new Map() };
      this.#slots[place] = slot;
    }
    if (slot.time !== time || slot.seen.has(key) || slot.seen.size >= maxPerTime) return false;
    slot.seen.set(key, value);
    return true;
  }

  /** All that is remembered, by time. */
  all(): readonly { readonly time: number; readonly values: readonly T[] }[] {
    return this.#slots.flatMap((slot) =>
      slot === undefined ? [] : [{ time: slot.time, values: [...slot.seen.values()] }],
    );
  }
}
