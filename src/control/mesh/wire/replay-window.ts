// Remembers the nonces of authentic packets for a while, so that a recorded packet sent again is dropped. The protocol
// itself has no such guard. Bounded in entries; an older replay meets incarnations and Lamport times, which only grow.

/** Two generations of at most this many nonces each: seconds of a busy mesh, minutes of an idle one. */
const generationSize = 8_192;

export class ReplayWindow {
  #young = new Set<string>();
  #old = new Set<string>();

  /** Whether the nonce was seen before; from now on it was. */
  seen(nonce: string): boolean {
    if (this.#young.has(nonce) || this.#old.has(nonce)) return true;
    if (this.#young.size >= generationSize) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(nonce);
    return false;
  }
}
