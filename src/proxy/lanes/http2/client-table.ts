// The size of the header table at the client's decoder (RFC 7541 §4.2), which blocks of two writers reach: those of the upstream,
// which use the table and say its size, and ours, which do not use it. Behind an ACK that makes it smaller than it is, whoever
// writes first says so; and nobody needs to where it has never been as large as the ACK still allows.

import { defaultTableBytes } from "./hpack/dynamic-table.ts";
import { encodeLiterals } from "./hpack/literal-block.ts";

/** What goes on to the client: an ACK that allows so much, or a block that says so much (-1: nothing). */
interface Passing {
  readonly kind: "allowed" | "said";
  readonly bytes: number;
}

const noBytes = Buffer.alloc(0);

export class ClientTable {
  /** As the client has heard last. */
  #bytes = defaultTableBytes;
  /** The smallest size that the next block must say; -1: none. */
  #due = -1;
  /** Behind frames that wait for the client's window (HeldFrames), in their order. Replies of ours overtake them. */
  readonly #held: Passing[] = [];

  /** SETTINGS of the client are acknowledged to it. */
  allowed(bytes: number, isHeld: boolean): void {
    if (isHeld) return void this.#held.push({ kind: "allowed", bytes });
    if (bytes < this.#bytes) this.#due = this.#due < 0 ? bytes : Math.min(bytes, this.#due);
  }

  /** A block of the upstream goes to the client and says this size last; -1: none. */
  said(bytes: number, isHeld: boolean): void {
    if (isHeld) return void this.#held.push({ kind: "said", bytes });
    if (bytes < 0) return;
    this.#bytes = bytes;
    this.#due = -1;
  }

  /** The next ACK or block that was held has gone to the client. */
  heldPassed(): void {
    const next = this.#held.shift();
    if (next) this[next.kind](next.bytes, false);
  }

  /** What must stand at the beginning of our next block; empty where nothing. */
  takeDue(): Buffer {
    if (this.#due < 0) return noBytes;
    this.#bytes = this.#due;
    this.#due = -1;
    return encodeLiterals([], this.#bytes);
  }
}
