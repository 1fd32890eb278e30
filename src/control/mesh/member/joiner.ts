// Joins the mesh, and joins it again whenever nobody else is there. One attempt asks all addresses at once.

import type { HostPort } from "../../../core/address.ts";
import { type Clock, sleep } from "../../../core/clock.ts";
import type { JoinTarget } from "../../../core/join-target.ts";
import type { Random } from "../../../core/random.ts";
import type { JoinResult } from "../mesh.ts";
import { type JoinSources, joinAddresses } from "./join-addresses.ts";

export interface JoinerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly targets: readonly JoinTarget[];
  readonly sources: JoinSources;
  /** null: there is no mesh at present. */
  readonly self: () => HostPort | null;
  readonly hasCompany: () => boolean;
  readonly join: (addresses: readonly HostPort[]) => Promise<JoinResult>;
}

/** With somebody there, it is looked again so often whether anybody is left: after a new start of the thread nobody is. */
const contentMs = 2_000;
const firstWaitMs = 500;
const mostWaitMs = 15_000;

export class Joiner {
  readonly #deps: JoinerDeps;
  readonly #first = Promise.withResolvers<void>();
  #hasTried = false;
  #problem = "";

  constructor(deps: JoinerDeps) {
    this.#deps = deps;
  }

  /** Resolves after the first attempt, however it ended. */
  get tried(): Promise<void> {
    return this.#first.promise;
  }

  get hasTried(): boolean {
    return this.#hasTried;
  }

  /** Why nobody could be joined at the last attempt; "" where somebody was, or there was nobody to ask. */
  get problem(): string {
    return this.#problem;
  }

  /** Never rejects. */
  async keep(signal: AbortSignal): Promise<void> {
    const { clock, random, hasCompany } = this.#deps;
    for (let failures = 0; !signal.aborted && this.#deps.targets.length > 0; ) {
      if (!hasCompany()) failures = (await this.#attempt(signal)) ? 0 : failures + 1;
      this.#settleFirst();
      const retryMs =
        Math.min(mostWaitMs, firstWaitMs * 2 ** Math.min(failures, 10)) * (0.5 + random.next() / 2);
      await sleep(clock, failures === 0 ? contentMs : retryMs, signal).catch(() => undefined);
    }
    this.#settleFirst();
  }

  #settleFirst(): void {
    this.#hasTried = true;
    this.#first.resolve();
  }

  /** Whether somebody answered. */
  async #attempt(signal: AbortSignal): Promise<boolean> {
    const { self, targets, sources, join } = this.#deps;
    const own = self();
    if (own === null) return false;
    const { addresses, problems } = await joinAddresses(targets, own, sources, signal);
    const results = addresses.length === 0 ? [] : await join(addresses).catch(() => []);
    const refused = results.flatMap(({ address, problem }) =>
      problem === null ? [] : [`${address.host}:${address.port}: ${problem}`],
    );
    const joined = results.some(({ problem }) => problem === null);
    this.#problem = joined ? "" : [...problems, ...refused].slice(0, 3).join("; ");
    return joined;
  }
}
