// The size of the header table at the client's decoder (RFC 7541 §4.2), which blocks of two writers reach: those of the upstream,
// which use the table and say its size, and ours, which do not use it. Behind an ACK that makes it smaller than it is, whoever
// writes first says so; and nobody needs to where it has never been as large as the ACK still allows.

import { defaultTableBytes } from "./hpack/dynamic-table.ts";
import { encodeLiterals } from "./hpack/literal-block.ts";
import { maxOwed } from "./owed-acks.ts";

const noBytes = Buffer.alloc(0);
/** An ACK, among what blocks say. */
const ack = -2;

export class ClientTable {
  /** As the client has heard last. */
  #bytes = defaultTableBytes;
  /** The smallest size that the next block must say; -1: none. */
  #due = -1;
  /** What the client allows by SETTINGS of which it has no ACK. An ACK does not say which it answers: it is the oldest. */
  readonly #asked: number[] = [];
  /** ACKs, and what blocks say, behind frames that wait for the client's window (HeldFrames). Ours overtake them. */
  readonly #held: number[] = [];

  /** So many SETTINGS wait for an ACK that no more are taken. */
  get isFull(): boolean {
    return this.#asked.length >= maxOwed;
  }

  /** SETTINGS of the client have come. */
  asked(bytes: number): void {
    this.#asked.push(bytes);
  }

  /** An ACK goes to the client. */
  acknowledged(isHeld: boolean): void {
    this.#pass(ack, isHeld);
  }

  /** A block of the upstream goes to the client and says this size last; -1: none. */
  said(bytes: number, isHeld: boolean): void {
    this.#pass(bytes, isHeld);
  }

  /** The next ACK or block that was held has gone to the client. */
  heldPassed(): void {
    this.#pass(this.#held.shift() ?? -1, false);
  }

  #pass(what: number, isHeld: boolean): void {
    if (isHeld) this.#held.push(what);
    else if (what === ack) this.#allow(this.#asked.shift() ?? this.#bytes);
    else if (what >= 0) {
      this.#bytes = what;
      this.#due = -1;
    }
  }

  #allow(bytes: number): void {
    if (bytes < this.#bytes) this.#due = this.#due < 0 ? bytes : Math.min(bytes, this.#due);
  }

  /** What must stand at the beginning of our next block; empty where nothing. */
  takeDue(): Buffer {
    if (this.#due < 0) return noBytes;
    this.#bytes = this.#due;
    this.#due = -1;
    return encodeLiterals([], this.#bytes);
  }
}
