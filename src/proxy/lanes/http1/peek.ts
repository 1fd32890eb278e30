// A request whose body is held back until a rule can decide: its bytes as they came, for the upstream should nobody claim
// the call, and its body without transfer coding, for the rules and for whoever claims it. The session reads the
// connection, keeps the deadline and acts on the verdict:
//
//   feed… ──isSettled, or the whole body──► lacks ──null──► decide ──► claim | null
//                                             └─a promise: `waits`, more is fed meanwhile, then lacks again

import { GrowingBytes } from "../../../core/growing-bytes.ts";
import type { Claim, Undecided } from "../../../core/lane.ts";
import { PeekedBody } from "../peeked-body.ts";
import type { BodyWalk } from "./body-walk.ts";

export class Peek {
  /** A rule learns something before it can tell; what comes meanwhile is kept, up to the limit. */
  waits = false;
  readonly #undecided: Undecided;
  readonly #raw = new GrowingBytes();
  readonly #body: PeekedBody;

  /** `head`: as it would go upstream. A body of more than `limitBytes` is not looked at. */
  constructor(undecided: Undecided, head: Buffer, limitBytes: number) {
    this.#undecided = undecided;
    this.#raw.append(head);
    this.#body = new PeekedBody(limitBytes);
  }

  /** Copies what `bytes[at..)` holds of the request. Answers what `walk.feed` does. */
  feed(walk: BodyWalk, bytes: Buffer, at: number): number {
    const next = walk.feed(bytes, at, bytes.length, (from, to) => this.#body.append(bytes, from, to));
    if (next >= 0) this.#raw.append(bytes, at, next);
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

  /** The body so far without transfer coding, too large or not, for whoever claims the call. */
  get whole(): Buffer {
    return this.#body.whole;
  }

  /** The request as it came. */
  get request(): Buffer {
    return this.#raw.all;
  }
}
