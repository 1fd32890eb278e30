// A walk through the index that gathers every entry that holds, not only the first: several rules may touch the messages
// of one connection.

import type { Call } from "./call.ts";
import { allHold, type Entry } from "./candidate.ts";
import { Search } from "./search.ts";

export class Collect extends Search {
  readonly #found = new Set<Entry>();

  constructor(call: Call) {
    super(call);
    this.start(false);
  }

  /** Never settled: every entry of a bucket counts. */
  override offer(entry: Entry): boolean {
    if (allHold(entry.headKeys, this.call)) this.#found.add(entry);
    return false;
  }

  /** In the order in which they are tried. */
  get all(): readonly Entry[] {
    return [...this.#found].sort((a, b) => a.order - b.order);
  }
}
