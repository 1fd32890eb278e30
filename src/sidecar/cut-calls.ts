// Calls that end because their sidecar does. Their lanes see a connection that is gone, which looks as if the client had left;
// whoever reads the log of a drain has to know that it was us.

import type { Flag, Tap, TapEvent } from "../core/tap.ts";

/** From here on calls that lose their connection are told as cut by us, with this reason. */
export function tellCuts(tap: Tap, why: string): void {
  const observe = tap.observe.bind(tap);
  // In place, so that nothing is asked on the path of a call before.
  tap.observe = (event) => observe(cutByUs(event, why));
}

function cutByUs(event: TapEvent, why: string): TapEvent {
  if ((event.kind !== "call" && event.kind !== "opaque") || !event.flags.includes("DC")) return event;
  const flags = event.flags.map((flag): Flag => (flag === "DC" ? "LR" : flag));
  return { ...event, flags, detail: why };
}
