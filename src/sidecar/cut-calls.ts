// Calls that end because their sidecar does. Their lanes see a connection that is gone, which looks as if the client had left;
// whoever reads the log of a drain has to know that it was us.

import type { Flag, Tap, TapEvent } from "../core/tap.ts";

/** Passes on what it observes, as it is until the sidecar cuts what is left. */
export class CutCalls implements Tap {
  readonly #next: Tap;
  #why: string | null = null;

  constructor(next: Tap) {
    this.#next = next;
  }

  /** From here on calls that lose their connection are told as cut by us, with this reason. */
  begin(why: string): void {
    this.#why = why;
  }

  observe(event: TapEvent): void {
    this.#next.observe(this.#why === null ? event : cutByUs(event, this.#why));
  }
}

function cutByUs(event: TapEvent, why: string): TapEvent {
  if ((event.kind !== "call" && event.kind !== "opaque") || !event.flags.includes("DC")) return event;
  const flags = event.flags.map((flag): Flag => (flag === "DC" ? "LR" : flag));
  return { ...event, flags, detail: why };
}
