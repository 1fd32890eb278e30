// A request whose body is held back until a rule can decide: its bytes as they came, for the upstream should nobody claim
// the call, and its body without transfer coding, for the rules and for whoever claims it. The session reads the
// connection, keeps the deadline and acts on the verdict:
//
//   feed… ──isSettled, or the whole body──► lacks ──null──► decide ──► claim | null
//                                             └─a promise: `waits`, more is fed meanwhile, then lacks again

import type { Claim, Undecided } from "../../../core/lane.ts";
import { PeekedBody } from "../peeked-body.ts";
import type { BodyWalk } from "./body-walk.ts";

/** Bytes up to which one write is cheaper than several. */
const maxJoinedBytes = 16_384;

export class Peek {
  /** A rule learns something before it can tell; what comes meanwhile is kept, up to the limit. */
  waits = false;
  readonly #undecided: Undecided;
  readonly #raw: Buffer[];
  readonly #pieces: Buffer[] = [];
  readonly #body: PeekedBody;

  /** `head`: as it would go upstream; the caller leaves it as it is. A body of more than `limitBytes` is not looked at. */
  constructor(undecided: Undecided, head: Buffer, limitBytes: number) {
    this.#undecided = undecided;
    this.#raw = [head];
    this.#body = new PeekedBody(limitBytes);
  }

  /** Keeps what `bytes[at..)` holds of the request; the caller leaves them as they are. Answers what `walk.feed` does. */
  feed(walk: BodyWalk, bytes: Buffer, at: number): number {
    const next = walk.feed(bytes, at, bytes.length, (from, to) => {
      const piece = bytes.subarray(from, to);
      this.#pieces.push(piece);
      this.#body.append(piece);
    });
    if (next >= 0) this.#raw.push(bytes.subarray(at, next));
    return next;
  }

  /** The body that came so far; null: too large to be looked at. */
  get body(): Buffer | null {
    return this.#body.payload;
  }

  /** Whether waiting for more of the body cannot change the verdict. */
  get isSettled(): boolean {
    const { body } = this;
    return body === null || (!this.waits && this.#undecided.isEnough(body));
  }

  /** What a rule must still learn before `decide(body)`; null: nothing, or it is learning already. Never rejects. */
  lacks(body: Buffer | null): Promise<unknown> | null {
    if (body === null || this.waits) return null;
    const lacks = this.#undecided.lacks(body);
    this.waits = lacks !== null;
    return lacks;
  }

  /** Once. `body` null: it is too large to be looked at, or does not come. */
  decide(body: Buffer | null): Claim | null {
    return this.#undecided.decide(body);
  }

  /** The body so far without transfer coding, in pieces, for whoever claims the call. */
  get pieces(): readonly Buffer[] {
    return this.#pieces;
  }

  /** The request as it came. A small one in one piece, as it was most likely sent: each piece would be a write of its own. */
  get request(): readonly Buffer[] {
    const raw = this.#raw;
    if (raw.length < 2) return raw;
    let bytes = 0;
    for (const piece of raw) bytes += piece.length;
    return bytes <= maxJoinedBytes ? [Buffer.concat(raw, bytes)] : raw;
  }
}
