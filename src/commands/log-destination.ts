// Log lines to a file descriptor by pino's destination (sonic-boom; pino itself would only be memory): asynchronous, so
// that a reader that stalls (a pager, a full disk) never stalls traffic; bounded, so that it does not eat the memory either.

import sonicBoom from "sonic-boom";
import type { Clock } from "../core/clock.ts";
import { lostAsJson } from "./bounded-sink.ts";
import type { LogDestination } from "./command.ts";

/** Bytes that wait for a slow reader before lines are dropped. */
const maxWaitingBytes = 1_048_576;
const closeMs = 1_000;

/** `fd`: 1 for stdout. A reader that has gone is not an error: then nobody wants the lines. */
export function openLogDestination(fd: number, clock: Clock): LogDestination {
  const destination = new sonicBoom.SonicBoom({ fd, sync: false, maxLength: maxWaitingBytes });
  let dropped = 0;
  let broken = false;
  destination.on("drop", (lines: string) => {
    dropped += lines.split("\n").length - 1;
  });
  destination.on("error", () => {
    broken = true;
  });
  return {
    write(lines) {
      if (broken) return;
      const before = dropped;
      if (before > 0) {
        dropped = 0;
        destination.write(lostAsJson(clock)(before));
        if (dropped > 0) dropped = before; // still no room, not even to say so
      }
      destination.write(lines);
    },
    close: () =>
      new Promise((resolve) => {
        if (broken) return resolve();
        const done = () => {
          patience.cancel();
          resolve();
        };
        const patience = clock.after(closeMs, done);
        destination.once("close", done);
        destination.once("error", done);
        destination.end(); // which leaves stdout itself open
      }),
  };
}
