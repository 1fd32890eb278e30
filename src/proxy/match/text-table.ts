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

  constructor(values: ReadonlyMap<string, T>) {
    let longest = 0;
    for (const [text, value] of values) {
      const hash = hashOf(text, text.length);
      this.#slots.set(hash, { text, value, twin: this.#slots.get(hash) ?? null });
      if (text.length > longest) longest = text.length;
    }
    this.#longest = longest;
  }

  /** The value of the first `end` characters of `text`. */
  get(text: string, end = text.length): T | undefined {
    if (end > this.#longest) return undefined;
    let slot = this.#slots.get(hashOf(text, end)) ?? null;
    for (; slot !== null; slot = slot.twin) {
      if (slot.text.length === end && text.startsWith(slot.text)) return slot.value;
    }
    return undefined;
  }
}

function hashOf(text: string, end: number): number {
  let hash = 0;
  for (let i = 0; i < end; i++) hash = hashStep(hash, text.charCodeAt(i));
  return hash;
}

/** The hash of a text with one more UTF-16 unit. 30 bits, so that V8 keeps it without allocating. */
export function hashStep(hash: number, code: number): number {
  return (Math.imul(hash, 31) + code) & 0x3fffffff;
}
