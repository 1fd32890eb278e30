// Waiting until every live sidecar runs a change: who has it, who lags, and why.

import { type Clock, sleep } from "../../../core/clock.ts";
import { type Audience, concerns } from "./keys.ts";
import type { Member, Members } from "./members.ts";

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly laggards: readonly Member[];
}

const lookMs = 100;

/** How far the sidecars of an audience are with the write at `index`. */
export function progressOf(members: readonly Member[], audience: Audience, index: number): Progress {
  const concerned = members.filter((member) => concerns(audience, member));
  const laggards = concerned.filter((member) => member.index < index);
  return { done: concerned.length - laggards.length, total: concerned.length, laggards };
}

/**
 * Looks until everybody has it, and tells every change of the progress. Resolves to the last progress: complete, or what it
 * was after `timeoutMs`. Rejects with `store_unavailable` where the store never answered.
 */
export async function waitForAll(
  members: Members,
  target: { readonly audience: Audience; readonly index: number },
  timeoutMs: number,
  tell: (progress: Progress) => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<Progress> {
  const endsAt = clock.now() + timeoutMs;
  let last: Progress | null = null;
  for (;;) {
    try {
      const progress = progressOf(await members.list(signal), target.audience, target.index);
      if (JSON.stringify(progress) !== JSON.stringify(last)) tell(progress);
      last = progress;
      if (progress.laggards.length === 0) return progress;
    } catch (thrown) {
      if (signal.aborted || (last === null && clock.now() >= endsAt)) throw thrown;
    }
    if (last !== null && clock.now() >= endsAt) return last;
    await sleep(clock, lookMs, signal);
  }
}
