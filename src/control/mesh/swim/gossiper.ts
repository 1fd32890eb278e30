// Tells the news to a few random members, again and again while there is news. Without news there is no timer either.

import type { Clock, Timer } from "../../../core/clock.ts";
import type { Random } from "../../../core/random.ts";
import { isLive, type SwimMember } from "./member.ts";
import type { Membership } from "./membership.ts";
import type { Sender } from "./sender.ts";
import type { SwimTiming } from "./timing.ts";
import { readsCrc } from "./versions.ts";

export interface GossiperDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly timing: SwimTiming;
  readonly membership: Membership;
  readonly sender: Sender;
}

export class Gossiper {
  readonly #deps: GossiperDeps;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(deps: GossiperDeps) {
    this.#deps = deps;
  }

  /** There is news: a round comes within the interval. */
  wake(): void {
    if (this.#timer !== null || this.#stopped) return;
    this.#arm(this.#deps.random.next() * this.#deps.timing.gossipIntervalMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #arm(delayMs: number): void {
    this.#timer = this.#deps.clock.after(delayMs, () => this.#round(), { background: true });
  }

  #round(): void {
    const { sender, membership, timing } = this.#deps;
    this.#timer = null;
    for (const member of membership.list.pick(timing.gossipNodes, (entry) => this.#hears(entry))) {
      if (!sender.hasNews) break;
      sender.send(member, [], readsCrc(member.vsn));
    }
    // With nobody to hear it the news waits for the next member that joins, and need not be offered all the time.
    if (sender.hasNews && membership.list.size > 1) this.#arm(timing.gossipIntervalMs);
  }

  #hears(member: SwimMember): boolean {
    const { membership, clock, timing } = this.#deps;
    if (member === membership.self) return false;
    if (isLive(member)) return true;
    return member.state === "dead" && clock.now() - member.changedAtMs < timing.gossipToTheDeadMs;
  }
}
