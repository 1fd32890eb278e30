// The link of a connection that leads nowhere: it ends at once, as one that was refused, and nothing is dialled.

import type { HostPort } from "./address.ts";
import type { Dial, Link, LinkEvents } from "./link.ts";

/** Refuses every upstream with these words. */
export function dialNowhere(why: string): Dial {
  return (upstream, events) => new NoLink(upstream, events, why);
}

class NoLink implements Link {
  readonly upstream: HostPort;
  readonly holdsBytes = false;
  #gone = false;

  constructor(upstream: HostPort, events: LinkEvents, why: string) {
    this.upstream = upstream;
    // Whoever opens the link must have it first.
    queueMicrotask(() => {
      if (this.#gone) return;
      this.#gone = true;
      events.close("refused", why);
    });
  }

  /** What is written goes nowhere, and need not be waited for. */
  write(): boolean {
    return true;
  }

  end(): void {}

  pause(): void {}

  resume(): void {}

  released(): void {}

  destroy(): void {
    this.#gone = true;
  }
}
