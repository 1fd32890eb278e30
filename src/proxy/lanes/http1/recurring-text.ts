// Text that is likely to come again on the same connection, such as Host: comparing its octets with the last one costs
// less than making another string of them.

const maxOctets = 256;

export class RecurringText {
  readonly #octets = new Uint8Array(maxOctets);
  #length = -1;
  #text = "";

  /** The octets as Latin-1 text. */
  of(bytes: Buffer, from: number, to: number): string {
    const length = to - from;
    if (length === this.#length && this.#isSame(bytes, from)) return this.#text;
    const text = bytes.toString("latin1", from, to);
    if (length > maxOctets) return text;
    for (let i = 0; i < length; i++) this.#octets[i] = bytes[from + i] as number; // both are in range
    this.#length = length;
    this.#text = text;
    return text;
  }

  #isSame(bytes: Buffer, from: number): boolean {
    for (let i = 0; i < this.#length; i++) if (bytes[from + i] !== this.#octets[i]) return false;
    return true;
  }
}
