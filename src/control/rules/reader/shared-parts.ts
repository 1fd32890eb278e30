// Rules repeat each other: the same scope, the same reply, the same method. Equal parts become one object, and stay one
// where they are sent in one message, which saves the receiver most of the memory of a large rule set.

/** Parts whose text is longer are left alone: they hardly ever have an equal. */
const maxChars = 400;
/** Distinct parts remembered; beyond that, parts are left as they are. */
const maxParts = 20_000;

/** Replaces equal parts of plain values by one object each. The values given are changed in place. */
export class SharedParts {
  readonly #known = new Map<string, object>();

  /** Shares what is below `value`, which itself stays an object of its own. */
  share(value: object): void {
    if (Object.isFrozen(value)) return; // a constant of the schema, which is one object already
    // Only this process has seen the value so far, and hands it on afterwards: nobody notices the change.
    const holder = value as Record<string, unknown>;
    for (const key of Object.keys(holder)) {
      const part = holder[key];
      if (typeof part === "object" && part !== null && !ArrayBuffer.isView(part))
        holder[key] = this.#one(part);
    }
  }

  #one(part: object): object {
    const text = isJson(part) ? JSON.stringify(part) : "";
    const before = this.#known.get(text);
    if (before !== undefined) return before;
    this.share(part);
    if (text !== "" && text.length <= maxChars && this.#known.size < maxParts) this.#known.set(text, part);
    return part;
  }
}

/** Whether the text of a value in JSON says all of it: then values of equal text are equal. */
function isJson(value: unknown): boolean {
  if (typeof value === "object") {
    return value === null || (!ArrayBuffer.isView(value) && Object.values(value).every(isJson));
  }
  return typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}
