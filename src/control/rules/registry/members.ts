// Which sidecars live, and which rules each has in force. Here by keys of the store that vanish with their sidecar; whoever
// asks needs to know no more than `Members`, so that another way of knowing can take the place of this one.

import * as z from "zod";
import { type Clock, sleep } from "../../../core/clock.ts";
import type { Random } from "../../../core/random.ts";
import type { KeyLease, KeyValueStore } from "../kv/key-value-store.ts";
import { Wake } from "../kv/wake.ts";
import { within } from "../kv/within.ts";
import { backOffMs } from "../sources/back-off.ts";

const member = z.object({
  /** For people: `payments-7d4f`. */
  name: z.string().max(300),
  service: z.string().max(300).nullable(),
  namespace: z.string().max(300).nullable(),
  /** Of the rules of the store that are in force; "" where none are. */
  revision: z.string().max(300),
  /** Every write to the store up to this one is in force, or does not concern this sidecar. */
  index: z.number(),
  /** Why the newest rules are not in force; "" where they are. */
  problem: z.string().max(1_000),
  /** Milliseconds since the Unix epoch, on the sidecar's clock: when it was started, and when it said this. */
  startedAtMs: z.number(),
  /** Where it gossips: `10.0.0.7:7946`. */
  gossip: z.string().max(300).optional(),
  atMs: z.number(),
});

export type Member = Readonly<z.infer<typeof member>>;

/** Who lives, and what each has in force. */
export interface Members {
  /** In the order of their names. Rejects with `store_unavailable`. */
  list(signal: AbortSignal): Promise<readonly Member[]>;
}

/** The members that say so in the store. */
export function membersInStore(store: KeyValueStore, prefix: string): Members {
  return {
    async list(signal) {
      const { keys } = await store.read(prefix, signal);
      const found = keys.flatMap(({ value }) => readMember(value) ?? []);
      return found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    },
  };
}

function readMember(value: string): Member | undefined {
  try {
    return member.safeParse(JSON.parse(value)).data;
  } catch {
    return undefined;
  }
}

export interface PresenceOptions {
  readonly store: KeyValueStore;
  /** Of the member's own key. */
  readonly key: string;
  /** What there is to say now. */
  readonly describe: () => Member;
}

export interface PresenceDeps {
  readonly clock: Clock;
  readonly random: Random;
}

/** How long a sidecar that is gone still counts as a member, at most. */
const presenceMs = 20_000;
/** Changes come in pairs: contents, then the manifest. */
const gatherMs = 20;
const farewellMs = 1_000;

/** Keeps the member's key in the store until the signal aborts. Failing at it harms nothing but the list of members. */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #deps: PresenceDeps;
  readonly #bell: Wake;

  constructor(options: PresenceOptions, deps: PresenceDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#bell = new Wake(deps.clock);
  }

  /** There is something new to say. */
  changed(): void {
    this.#bell.wake();
  }

  /** Never rejects. */
  async keep(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        const lease = await this.#options.store.lease(presenceMs, signal);
        failures = 0;
        await this.#keepUnder(lease, signal);
      } catch {
        // The store is away or refuses; the source of rules says so already.
      }
      if (!signal.aborted) await sleep(clock, backOffMs(failures + 1, random), signal).catch(() => undefined);
    }
  }

  /** Returns when the lease is lost. */
  async #keepUnder(lease: KeyLease, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    try {
      let said = "";
      for (;;) {
        const saying = this.#options.describe();
        const text = JSON.stringify({ ...saying, atMs: 0 });
        if (text !== said) await this.#say(saying, lease, signal);
        else if (!(await lease.renew(signal))) return;
        said = text;
        if ((await this.#bell.next(lease.ttlMs / 3, signal)) === "woken")
          await sleep(clock, gatherMs, signal);
      }
    } finally {
      if (signal.aborted) await this.#leave(lease);
    }
  }

  async #say(saying: Member, lease: KeyLease, signal: AbortSignal): Promise<void> {
    const { store, key } = this.#options;
    await store.commit([], [{ put: key, value: JSON.stringify(saying), lease: lease.id }], signal);
  }

  async #leave(lease: KeyLease): Promise<void> {
    const never = new AbortController().signal;
    await within(this.#deps.clock, farewellMs, never, (stop) => lease.end(stop)).catch(() => undefined);
  }
}
