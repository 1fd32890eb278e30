// Calls whose responses are due, in order. Nearly always there is one: it has a place of its own, so that the common
// case moves no array.

import type { Call } from "./call.ts";

export class CallQueue {
  /** The call whose response comes next. */
  first: Call | undefined = undefined;
  #behind: Call[] = [];

  get length(): number {
    return this.first === undefined ? 0 : 1 + this.#behind.length;
  }

  push(call: Call): void {
    if (this.first === undefined) this.first = call;
    else this.#behind.push(call);
  }

  /** Drops the first. */
  shift(): void {
    this.first = this.#behind.length === 0 ? undefined : this.#behind.shift();
  }

  /** All of them; none is left. */
  takeAll(): readonly Call[] {
    const all = this.first === undefined ? [] : [this.first, ...this.#behind];
    this.first = undefined;
    this.#behind = [];
    return all;
  }
}
