// What rules need of a replicated key-value store: one consistent view of all keys under a prefix, word of every change,
// writes that all happen or none, and leases. Consul and etcd each fulfil it with their own client.

import { UnderstudyError } from "../../../core/errors.ts";

export interface StoredKey {
  readonly key: string;
  readonly value: string;
  /** Of the last write of this key, on the store's own counter. */
  readonly index: number;
}

/** Everything under a prefix at one moment. */
export interface KeyView {
  /** The store's counter at that moment; a later view has a higher one, unless the store was wiped or restored. */
  readonly index: number;
  /** In the order of the keys. */
  readonly keys: readonly StoredKey[];
  /** As one server passes it on, which may lag behind the others: no sign of life of the store. */
  readonly hearsay?: boolean;
}

/** The key was last written at `index`; 0: there is no such key. */
export interface Check {
  readonly key: string;
  readonly index: number;
}

export type Change =
  /** `lease`: id of a lease, with which the key vanishes. */
  { readonly put: string; readonly value: string; readonly lease?: string } | { readonly remove: string };

export type Commit =
  | { readonly kind: "done"; readonly index: number }
  /** Some check did not hold; nothing was written. */
  | { readonly kind: "conflict" };

/** Keys put under it vanish when nobody has renewed it for `ttlMs`. */
export interface KeyLease {
  readonly id: string;
  readonly ttlMs: number;
  /** false: it has ended already. */
  renew(signal: AbortSignal): Promise<boolean>;
  /** Its keys vanish at once. */
  end(signal: AbortSignal): Promise<void>;
}

/** Every call rejects with `store_unavailable` within its own deadline, and with the signal's reason when that aborts. */
export interface KeyValueStore {
  /** For people; without secrets. */
  readonly name: string;
  /** How many servers there are to ask. */
  readonly servers: number;
  /** Checks and changes of one commit, together. */
  readonly maxOperations: number;
  /** Bytes of the values of one commit, together. */
  readonly maxCommitBytes: number;
  /** The shortest time that a lease can be kept to, in milliseconds. */
  readonly minLeaseMs: number;
  /** As a majority of the servers has it. */
  read(prefix: string, signal: AbortSignal): Promise<KeyView>;
  /**
   * The view now, and another whenever something may have changed. Yields without a change too, as a sign of life, at least
   * about every `signOfLifeMs` (asked for anew each time) or more often; throws where contact is lost. Views may skip moments,
   * and never mix two.
   */
  views(prefix: string, signal: AbortSignal, signOfLifeMs: () => number): AsyncIterable<KeyView>;
  /** All or nothing. Where an error leaves open whether it was done, the code is `store_unavailable` too. */
  commit(checks: readonly Check[], changes: readonly Change[], signal: AbortSignal): Promise<Commit>;
  /** A lease whose keys vanish at most `withinMs` after its last renewal. */
  lease(withinMs: number, signal: AbortSignal): Promise<KeyLease>;
  /** Ends every connection. */
  close(): void;
}

export function storeUnavailable(name: string, why: string, cause?: unknown): UnderstudyError {
  return new UnderstudyError("store_unavailable", `${name}: ${why}`, { cause });
}
