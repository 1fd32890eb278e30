// What was seen at the recent Lamport times, so that nothing is delivered or told on twice. A ring of slots: what is older
// than the ring is taken for old.

/** As many times as the peers remember. */
const slots = 512;
/** Different things at one time. */
const maxPerTime = 64;
/** Of all keys and values together; the oldest go, and from then on count as old. */
const maxBytes = 2 * 1_024 * 1_024;

interface Slot<T> {
  readonly time: number;
  readonly seen: Map<string, T>;
  bytes: number;
}

export class SeenTimes<T> {
  readonly #slots: (Slot<T> | undefined)[] = [];
  #leastTime = 0;
  #bytes = 0;

  /** What is older than `time` is not news any more. */
  ignoreBefore(time: number): void {
    this.#leastTime = Math.max(this.#leastTime, time);
  }

  /** True the first time that `key` comes with this time. `now`: of the clock; `bytes`: of the value. */
  isNews(time: number, key: string, value: T, now: number, bytes = 0): boolean {
    if (time < this.#leastTime || time + slots < now) return false;
    const place = time % slots;
    let slot = this.#slots[place];
    if (slot === undefined || slot.time < time) {
      this.#bytes -= slot?.bytes ?? 0;
      slot = { time, seen: new Map(), bytes: 0 };
      this.#slots[place] = slot;
    }
    if (slot.time !== time || slot.seen.has(key) || slot.seen.size >= maxPerTime) return false;
    slot.seen.set(key, value);
    slot.bytes += key.length + bytes;
    this.#bytes += key.length + bytes;
    while (this.#bytes > maxBytes) this.#forgetOldest();
    return true;
  }

  #forgetOldest(): void {
    const held = this.#slots.flatMap((slot) => slot ?? []);
    const oldest = held.reduce((old, slot) => (slot.time < old.time ? slot : old));
    this.#slots[oldest.time % slots] = undefined;
    this.#bytes -= oldest.bytes;
    this.ignoreBefore(oldest.time + 1);
  }

  /** All that is remembered, by time. */
  all(): readonly { readonly time: number; readonly values: readonly T[] }[] {
    return this.#slots.flatMap((slot) =>
      slot === undefined ? [] : [{ time: slot.time, values: [...slot.seen.values()] }],
    );
  }
}
