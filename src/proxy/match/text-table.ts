// Values by text, found without making a string of the text asked for. A Map would take the text of each call into V8's
// table of unique strings before it looks, which costs several times as much as the look-up itself.

interface Slot<T> {
  readonly text: string;
  readonly value: T;
  /** Another text with the same hash. */
  readonly twin: Slot<T> | null;
}

export class TextTable<T> {
  readonly #slots = new Map<number, Slot<T>>();
  /** Longer texts are not even looked at: a path may have 64 KiB. */
  readonly #longest: number;
  readonly #shortest: number;
  /** Hashes of the texts cut to the shortest length: few, and warm in the cache, where the slots may be neither. */
  readonly #heads = new Set<number>();

  constructor(values: ReadonlyMap<string, T>) {
    const lengths = [...values.keys()].map((text) => text.length);
    this.#longest = lengths.reduce((most, length) => Math.max(most, length), 0);
    this.#shortest = lengths.reduce((least, length) => Math.min(least, length), this.#longest);
    for (const [text, value] of values) {
      const head = hashOf(text, 0, this.#shortest, 0);
      const hash = hashOf(text, this.#shortest, text.length, head);
      this.#heads.add(head);
      this.#slots.set(hash, { text, value, twin: this.#slots.get(hash) ?? null });
    }
  }

  /** The value of the first `end` characters of `text`. */
  get(text: string, end = text.length): T | undefined {
    if (end > this.#longest || end < this.#shortest) return undefined;
    const head = hashOf(text, 0, this.#shortest, 0);
    if (!this.#heads.has(head)) return undefined;
    let slot = this.#slots.get(hashOf(text, this.#shortest, end, head)) ?? null;
    for (; slot !== null; slot = slot.twin) {
      if (slot.text.length === end && text.startsWith(slot.text)) return slot.value;
    }
    return undefined;
  }
}

/** Of the characters up to `end`; `hash`: of those before `from`. */
function hashOf(text: string, from: number, end: number, hash: number): number {
  let result = hash;
  for (let i = from; i < end; i++) result = hashStep(result, text.charCodeAt(i));
  return result;
}

/** The hash of a text with one more UTF-16 unit. 30 bits, so that V8 keeps it without allocating. */
export function hashStep(hash: number, code: number): number {
  return (Math.imul(hash, 31) + code) & 0x3fffffff;
}
