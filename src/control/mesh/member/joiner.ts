// Joins the mesh, and joins it again whenever nobody else is there. One attempt asks all addresses at once. With company, those
// addresses are still asked now and then where nobody lives whom we know and nobody has ever answered: members that began apart
// from each other, in different orders or on two sides of a cut, know of each other in no other way.

import { formatHostPort, type HostPort } from "../../../core/address.ts";
import { type Clock, sleep } from "../../../core/clock.ts";
import type { JoinTarget } from "../../../core/join-target.ts";
import type { Random } from "../../../core/random.ts";
import type { JoinResult } from "../mesh.ts";
import { type FoundAddresses, type JoinSources, joinAddresses } from "./join-addresses.ts";

export interface JoinerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly targets: readonly JoinTarget[];
  readonly sources: JoinSources;
  /** null: there is no mesh at present. */
  readonly self: () => HostPort | null;
  /** Where the others are that live, as far as we know. */
  readonly company: () => readonly HostPort[];
  readonly join: (addresses: readonly HostPort[]) => Promise<JoinResult>;
}

/** With somebody there, it is looked again so often whether anybody is left: after a new start of the thread nobody is. */
const contentMs = 2_000;
/** And every so many times, strangers are looked for. */
const strangersEvery = 10;
/** Addresses of which it is remembered that somebody answered there. */
const maxAnswered = 1_024;
const firstWaitMs = 500;
const mostWaitMs = 15_000;

export class Joiner {
  readonly #deps: JoinerDeps;
  readonly #first = Promise.withResolvers<void>();
  #hasTried = false;
  /** Many members may stand behind one address, which is then that of none: it is asked once, not again and again. */
  readonly #answered = new Set<string>();
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
    const { clock, random, company, targets } = this.#deps;
    let failures = 0;
    for (let looks = 1; !signal.aborted && targets.length > 0; looks++) {
      if (company().length === 0) failures = (await this.#attempt(signal)) ? 0 : failures + 1;
      else {
        failures = 0;
        if (looks % strangersEvery === 0) await this.#lookForStrangers(signal);
      }
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
    this.#answered.clear();
    const { addresses, problems } = await this.#find(signal);
    const results = await this.#join(addresses);
    const refused = results.flatMap(({ address, problem }) =>
      problem === null ? [] : [`${formatHostPort(address)}: ${problem}`],
    );
    const joined = results.some(({ problem }) => problem === null);
    this.#problem = joined ? "" : [...problems, ...refused].slice(0, 3).join("; ");
    return joined;
  }

  async #lookForStrangers(signal: AbortSignal): Promise<void> {
    const { addresses } = await this.#find(signal);
    const known = new Set(this.#deps.company().map(formatHostPort));
    await this.#join(
      addresses.filter((address) => {
        const text = formatHostPort(address);
        return !known.has(text) && !this.#answered.has(text);
      }),
    );
  }

  async #find(signal: AbortSignal): Promise<FoundAddresses> {
    const { self, targets, sources } = this.#deps;
    const own = self();
    return own === null ? { addresses: [], problems: [] } : joinAddresses(targets, own, sources, signal);
  }

  async #join(addresses: readonly HostPort[]): Promise<JoinResult> {
    const results = addresses.length === 0 ? [] : await this.#deps.join(addresses).catch(() => []);
    for (const { address, problem } of results)
      if (problem === null && this.#answered.size < maxAnswered) this.#answered.add(formatHostPort(address));
    return results;
  }
}
