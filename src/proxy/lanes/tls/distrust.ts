// Clients that do not trust our certificates (they pin others, or were never told of the authority), noticed by how they end a
// handshake. What they speak to is left unopened for them, for a time.
//
//   an alert that is about the certificate ──► at once                    nothing else says so for certain
//   no version, cipher or group in common with us ──► at once             it could never be opened
//   it left without a word ──► the second time within ten minutes         Node, OkHttp and Windows verify after the handshake
//                          └── not where its kind has spoken before       a probe, a connection too many: no distrust
//
// The time doubles as long as the first attempt after it ends no better: who has learned to trust us is soon opened, and who
// never will is harmed ever more seldom.

import type { Clock } from "../../../core/clock.ts";

/** How a client took our certificate; `unable`: it got none, since it and we have too little of TLS in common. */
export type Reception = "accepted" | "refused" | "unable" | "left";

export interface Distrust {
  /** True where that client's connections to that server are to be left unopened. */
  has(key: string): boolean;
  /** Answers for how long, in milliseconds, that client is left alone, where this has just been settled; else null. */
  learn(key: string, reception: Reception): number | null;
}

interface Departures {
  count: number;
  readonly sinceMs: number;
  /** 0: it has not been left alone yet. */
  lastsMs: number;
  untilMs: number;
}

/** A client may leave for reasons of its own; twice right after the certificate is no accident. */
const departuresThatTell = 2;
const departuresWithinMs = 600_000;
const firstLastsMs = 300_000;
const longestLastsMs = 86_400_000;

/** Remembers `most` clients of either kind, each with the server that it spoke to; the oldest go first. */
export function createDistrust(most: number, clock: Pick<Clock, "now">): Distrust {
  const departures = new Map<string, Departures>();
  const trusting = new Map<string, true>();

  function departed(key: string, isCertain: boolean): number | null {
    const now = clock.now();
    const known = departures.get(key);
    if (known && known.untilMs > now) return null; // several connections at once
    const goesOn = known && (known.lastsMs > 0 || now - known.sinceMs < departuresWithinMs);
    const entry = goesOn ? known : { count: 0, sinceMs: now, lastsMs: 0, untilMs: 0 };
    entry.count++;
    keep(departures, key, entry, most);
    if (!isCertain && entry.lastsMs === 0 && entry.count < departuresThatTell) return null;
    entry.lastsMs = Math.min(entry.lastsMs === 0 ? firstLastsMs : entry.lastsMs * 2, longestLastsMs);
    entry.untilMs = now + entry.lastsMs;
    return entry.lastsMs;
  }

  return {
    has: (key) => (departures.get(key)?.untilMs ?? 0) > clock.now(),
    learn(key, reception) {
      if (reception === "accepted") {
        departures.delete(key);
        keep(trusting, key, true, most);
        return null;
      }
      if (reception === "left" && trusting.has(key)) return null;
      trusting.delete(key);
      return departed(key, reception !== "left");
    },
  };
}

/** As the newest of at most `most`. */
function keep<Value>(entries: Map<string, Value>, key: string, value: Value, most: number): void {
  entries.delete(key);
  entries.set(key, value);
  for (const oldest of entries.keys()) {
    if (entries.size <= most) break;
    entries.delete(oldest);
  }
}
