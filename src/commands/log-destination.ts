// Log lines to a file descriptor by pino's destination (sonic-boom; pino itself would only be memory): asynchronous, so
// that a reader that stalls (a pager, a full disk) never stalls traffic; bounded, so that it does not eat the memory either.

import sonicBoom from "sonic-boom";
import type { Clock } from "../core/clock.ts";
import { lostAsJson } from "./bounded-sink.ts";
import type { LogDestination } from "./command.ts";

/** Bytes that wait for a slow reader before lines are dropped. */
const maxWaitingBytes = 1_048_576;
const closeMs = 1_000;

/** After these nobody will ever read there; after others, such as a full disk, what waits is tried again with the next line. */
const readerIsGone: ReadonlySet<string> = new Set(["EPIPE", "EBADF", "ECONNRESET"]);

/**
 * `fd`: 1 for stdout. A reader that has gone is not an error: then nobody wants the lines. `tell` hears why lines cannot be
 * written, once, and null when they are again.
 */
export function openLogDestination(
  fd: number,
  clock: Clock,
  tell: (reason: string | null) => void = () => undefined,
): LogDestination {
  const destination = new sonicBoom.SonicBoom({ fd, sync: false, maxLength: maxWaitingBytes });
  let dropped = 0;
  let broken = false;
  destination.on("drop", (lines: string) => {
    dropped += lines.split("\n").length - 1;
  });
  let failing = false;
  destination.on("error", (error: NodeJS.ErrnoException) => {
    if (readerIsGone.has(error.code ?? "")) broken = true;
    else if (!failing) tell(error.message);
    failing = true;
  });
  destination.on("write", () => {
    if (failing) tell(null);
    failing = false;
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
