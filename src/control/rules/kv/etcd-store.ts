// etcd as a key-value store: the first view is one range read, which etcd answers as of one revision, and a watch from there
// on brings what changes. Now and then a small read that needs a majority proves that the watch has told all; where it has
// not, everything is read anew.

import type { Etcd3 } from "etcd3";
import type { Clock } from "../../../core/clock.ts";
import type { StoreAccess } from "../../../core/store-access.ts";
import type { StoreUrl } from "../../../core/store-url.ts";
import {
  connectEtcd,
  type EtcdWatch,
  fingerprint,
  keepAlive,
  openWatch,
  operationOf,
  readEtcdKeys,
  textOf,
} from "./etcd-client.ts";
import { EtcdKeys } from "./etcd-keys.ts";
import type { Change, Check, Commit, KeyLease, KeyValueStore, KeyView } from "./key-value-store.ts";
import type { OpenAccess } from "./read-access.ts";
import type { StoreDeps } from "./store-deps.ts";
import { StoreServers } from "./store-servers.ts";
import { Wake } from "./wake.ts";

const answerMs = 3_000;
/** A watch may be deaf (its server cut off from the others), so the state is asked for this often. */
const probeMs = 5_000;
/** Shorter ones are prolonged by etcd itself: one and a half times its election timeout. */
const leastTtlMs = 2_000;
/** etcd looks for leases that have ended twice a second, and revokes them by consensus. */
const revokeMs = 1_500;

/** Connects to nothing yet; whoever made it closes it. */
export function etcdStore(url: StoreUrl, access: StoreAccess, deps: StoreDeps): KeyValueStore {
  const { clock } = deps;
  const connect = (at: number, open: OpenAccess) => connectEtcd(url, at, open, { clock, answerMs });
  const isRefusal = () => false; // asking the other servers too does no harm
  const servers = new StoreServers(url, access, deps, { answerMs, connect, isRefusal, textOf });
  return new EtcdStore(servers, clock);
}

class EtcdStore implements KeyValueStore {
  /** etcd's own limit is 128 unless it is told otherwise. */
  readonly maxOperations = 120;
  readonly maxCommitBytes = 1024 * 1024;
  readonly minLeaseMs = leastTtlMs + revokeMs;
  readonly #servers: StoreServers<Etcd3>;
  readonly #clock: Clock;

  constructor(servers: StoreServers<Etcd3>, clock: Clock) {
    this.#servers = servers;
    this.#clock = clock;
  }

  get name(): string {
    return this.#servers.name;
  }

  get servers(): number {
    return this.#servers.count;
  }

  read(prefix: string, signal: AbortSignal): Promise<KeyView> {
    return this.#servers.anywhere(signal, (client) => readEtcdKeys(client, prefix));
  }

  views(prefix: string, signal: AbortSignal, signOfLifeMs: () => number): AsyncIterable<KeyView> {
    return this.#servers.follow(signal, (client) => this.#views(client, prefix, signal, signOfLifeMs));
  }

  async *#views(client: Etcd3, prefix: string, signal: AbortSignal, signOfLifeMs: () => number) {
    const soon = <T>(work: () => Promise<T>) => this.#servers.within(answerMs, signal, work);
    const wake = new Wake(this.#clock);
    let watch: EtcdWatch | null = null;
    try {
      let askedAt = this.#clock.now();
      const first = await soon(() => readEtcdKeys(client, prefix));
      const keys = new EtcdKeys(first);
      watch = await soon(() => openWatch(client, prefix, first.index + 1, keys, wake));
      for (let confirmed = true; ; ) {
        yield confirmed ? keys.view() : { ...keys.view(), hearsay: true };
        // Also while changes come: they say nothing of whether the majority still does.
        const patienceMs = Math.min(probeMs, signOfLifeMs()) - (this.#clock.now() - askedAt);
        confirmed = patienceMs <= 0 || (await wake.next(patienceMs, signal)) === "timeout";
        if (!confirmed) continue;
        askedAt = this.#clock.now();
        const now = await soon(() => fingerprint(client, prefix));
        if (now.text === keys.fingerprint()) keys.reached(now.index);
        else {
          const known = keys.index;
          keys.begin(await soon(() => readEtcdKeys(client, prefix)), known);
        }
      }
    } finally {
      watch?.on("error", () => undefined);
      watch?.cancel();
    }
  }

  commit(checks: readonly Check[], changes: readonly Change[], signal: AbortSignal): Promise<Commit> {
    return this.#servers.once(signal, async (client) => {
      const { succeeded, header } = await client.kv.txn({
        compare: checks.map(({ key, index }) => ({
          key: Buffer.from(key),
          target: "Mod" as const,
          result: "Equal" as const,
          mod_revision: String(index),
        })),
        success: changes.map(operationOf),
      });
      return succeeded ? { kind: "done", index: Number(header.revision) } : { kind: "conflict" };
    });
  }

  async lease(withinMs: number, signal: AbortSignal): Promise<KeyLease> {
    const ttlSeconds = Math.max(leastTtlMs / 1_000, Math.floor((withinMs - revokeMs) / 1_000));
    const granted = await this.#servers.anywhere(signal, (client) =>
      client.leaseClient.leaseGrant({ TTL: ttlSeconds }),
    );
    const id = granted.ID;
    return {
      id,
      ttlMs: Number(granted.TTL) * 1_000,
      renew: (stop) => this.#servers.anywhere(stop, (client) => keepAlive(client, id)),
      end: async (stop) => {
        await this.#servers.anywhere(stop, (client) => client.leaseClient.leaseRevoke({ ID: id }));
      },
    };
  }

  close(): void {
    this.#servers.close();
  }
}
