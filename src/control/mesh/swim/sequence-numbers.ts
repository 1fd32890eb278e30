// Numbers that tie acks to pings: of our own probes, and of pings on behalf of others.

export class SequenceNumbers {
  #last: number;

  /** Starts after `last`, so that acks to a former life are not taken for ours. */
  constructor(last: number) {
    this.#last = last >>> 0;
  }

  next(): number {
    this.#last = (this.#last + 1) >>> 0;
    return this.#last;
  }
}
