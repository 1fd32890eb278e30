// Consul as a key-value store: blocking queries for changes, transactions for commits, sessions for leases. Every query asks
// for consistency, so that a leader that was paused and has been replaced cannot bring back what it remembers.

import type Consul from "consul";
import type { StoreAccess } from "../../../core/store-access.ts";
import type { StoreUrl } from "../../../core/store-url.ts";
import {
  askConsul,
  type ConsulConnection,
  changeOperation,
  checkOperation,
  connectConsul,
  isRefusal,
  readConsulKeys,
  statusOf,
  textOf,
} from "./consul-client.ts";
import type { Change, Check, Commit, KeyLease, KeyValueStore, KeyView } from "./key-value-store.ts";
import type { OpenAccess } from "./read-access.ts";
import type { StoreDeps } from "./store-deps.ts";
import { StoreServers } from "./store-servers.ts";

const answerMs = 3_000;
/** How long a blocking query may find nothing new, at most. Consul adds up to a sixteenth of it. */
const waitMs = 10_000;
/** Consul ends a session up to two TTLs after its last renewal. */
const sessionSlack = 2;
const leastTtlMs = 10_000;

/** Connects to nothing yet; whoever made it closes it. */
export function consulStore(url: StoreUrl, access: StoreAccess, deps: StoreDeps): KeyValueStore {
  const connect = (at: number, open: OpenAccess) => connectConsul(url, at, open);
  return new ConsulStore(new StoreServers(url, access, deps, { answerMs, connect, isRefusal, textOf }));
}

class ConsulStore implements KeyValueStore {
  readonly maxOperations = 64;
  readonly maxCommitBytes = 320 * 1024;
  readonly minLeaseMs = leastTtlMs * sessionSlack;
  readonly #servers: StoreServers<ConsulConnection>;

  constructor(servers: StoreServers<ConsulConnection>) {
    this.#servers = servers;
  }

  get name(): string {
    return this.#servers.name;
  }

  get servers(): number {
    return this.#servers.count;
  }

  read(prefix: string, signal: AbortSignal): Promise<KeyView> {
    return this.#servers.anywhere(signal, ({ client }, stop) => readConsulKeys(client, prefix, stop));
  }

  views(prefix: string, signal: AbortSignal, signOfLifeMs: () => number): AsyncIterable<KeyView> {
    return this.#servers.follow(signal, ({ client }) => this.#views(client, prefix, signal, signOfLifeMs));
  }

  async *#views(client: Consul, prefix: string, signal: AbortSignal, signOfLifeMs: () => number) {
    for (let index = 0; ; ) {
      const blockMs = index === 0 ? 0 : Math.min(waitMs, signOfLifeMs());
      const view = await this.#servers.within(blockMs * 1.0625 + answerMs, signal, (stop) =>
        readConsulKeys(client, prefix, stop, { index, blockMs }),
      );
      // An index that goes back means another history (a restore, a wipe): what it counted is of no use any more.
      index = view.index < index ? 0 : view.index;
      yield view;
    }
  }

  async commit(checks: readonly Check[], changes: readonly Change[], signal: AbortSignal): Promise<Commit> {
    const operations = [...checks.map(checkOperation), ...changes.map(changeOperation)];
    return this.#servers.once(signal, async ({ client }, stop) => {
      try {
        const { body } = await askConsul<{ Results: { KV: { ModifyIndex: number } }[] | null }>(
          (options) => client.transaction.create(operations as never, options as never),
          stop,
        );
        const indices = (body.Results ?? []).map(({ KV }) => KV.ModifyIndex);
        return { kind: "done", index: Math.max(0, ...indices) };
      } catch (thrown) {
        // The store answers 409 where a check does not hold, and has written nothing then.
        if (statusOf(thrown) === 409) return { kind: "conflict" };
        throw thrown;
      }
    });
  }

  async lease(withinMs: number, signal: AbortSignal): Promise<KeyLease> {
    const ttlMs = Math.max(leastTtlMs, Math.floor(withinMs / sessionSlack));
    const { body } = await this.#servers.anywhere(signal, ({ client }, stop) =>
      askConsul<{ ID: string }>(
        (options) =>
          client.session.create({
            ...options,
            name: "understudy",
            ttl: `${ttlMs}ms`,
            behavior: "delete",
            // Nobody else takes these keys; nobody has to be kept from it.
            lockdelay: "0s",
            // The health of the agent's node is not that of the owner.
            checks: [],
          } as never), // the package's types lack what the common options bring
        stop,
      ),
    );
    const id = body.ID;
    return {
      id,
      ttlMs,
      renew: (stop) =>
        this.#servers.anywhere(stop, async ({ client }, each) => {
          try {
            await askConsul((options) => client.session.renew({ ...options, id }), each);
            return true;
          } catch (thrown) {
            if (statusOf(thrown) === 404) return false;
            throw thrown;
          }
        }),
      end: async (stop) => {
        await this.#servers.anywhere(stop, ({ client }, each) =>
          askConsul((options) => client.session.destroy({ ...options, id }), each),
        );
      },
    };
  }

  close(): void {
    this.#servers.close();
  }
}
