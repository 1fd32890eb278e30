// Rules that belong to an owner: one key under a lease that the owner keeps alive. When the owner ends, dies or is cut off,
// the store removes the key, and sidecars that cannot hear the store drop the rules by themselves.

import { type Clock, sleep } from "../../../core/clock.ts";
import { UnderstudyError } from "../../../core/errors.ts";
import type { KeyLease, KeyValueStore } from "../kv/key-value-store.ts";
import { within } from "../kv/within.ts";
import { type Audience, folderOf, leasedKey } from "./keys.ts";
import type { LeasedRules } from "./manifest.ts";
import { type DesiredRule, refuseTaken } from "./registry.ts";
import { namesBeside } from "./registry-state.ts";

export interface OwnerLeaseOptions {
  readonly store: KeyValueStore;
  readonly prefix: string;
  readonly audience: Audience;
  /** `alice@laptop`. */
  readonly owner: string;
  /** The rules vanish at most so long after the owner was last heard of. */
  readonly leaseMs: number;
}

export interface OwnerLease {
  /** The store's counter at the moment of the rules. */
  readonly index: number;
  /** Keeps the rules alive until the signal aborts; then they vanish. Rejects with `store_unavailable` where they are lost. */
  keep(signal: AbortSignal): Promise<void>;
}

const farewellMs = 2_000;

/** Puts the rules in force. Rejects with `bad_rules` (a name that another rule has, a lease too short), `store_unavailable`. */
export async function leaseRules(
  rules: readonly DesiredRule[],
  options: OwnerLeaseOptions,
  deps: { readonly clock: Clock; readonly newId: () => string },
  signal: AbortSignal,
): Promise<OwnerLease> {
  const { store, prefix, audience, owner, leaseMs } = options;
  if (leaseMs < store.minLeaseMs) {
    const least = `${Math.ceil(store.minLeaseMs / 1_000)}s`;
    throw new UnderstudyError(
      "bad_config",
      `--lease: expected at least ${least} with this store, got ${leaseMs / 1_000}s`,
    );
  }
  const value: LeasedRules = { format: 1, owner, leaseMs, atMs: deps.clock.wall(), rules };
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > store.maxCommitBytes) {
    const message = `expected at most ${store.maxCommitBytes} bytes of leased rules, got ${Buffer.byteLength(text)}`;
    throw new UnderstudyError("bad_rules", message);
  }
  refuseTaken(rules, namesBeside(await store.read(prefix, signal), prefix, audience, "count"));
  const lease = await store.lease(leaseMs, signal);
  const heardAt = deps.clock.now();
  const key = leasedKey(folderOf(prefix, audience), deps.newId());
  const commit = await store.commit(
    [{ key, index: 0 }],
    [{ put: key, value: text, lease: lease.id }],
    signal,
  );
  if (commit.kind === "conflict") throw new UnderstudyError("store_conflict", `${key}: there already`);
  return { index: commit.index, keep: (stop) => keepAlive(lease, leaseMs, heardAt, deps.clock, stop) };
}

async function keepAlive(
  lease: KeyLease,
  leaseMs: number,
  since: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  let heardAt = since;
  while (!signal.aborted) {
    await sleep(clock, lease.ttlMs / 4, signal).catch(() => undefined);
    if (signal.aborted) break;
    const askedAt = clock.now();
    const alive = await lease.renew(signal).catch(() => null);
    if (alive) heardAt = askedAt;
    else if (alive === false) throw lost("the lease has ended");
    else if (!signal.aborted && clock.now() - heardAt > leaseMs)
      throw lost("the store was away for too long");
  }
  const never = new AbortController().signal;
  await within(clock, farewellMs, never, (stop) => lease.end(stop)).catch(() => undefined);
}

function lost(why: string): UnderstudyError {
  return new UnderstudyError("store_unavailable", `the rules are gone: ${why}`);
}
