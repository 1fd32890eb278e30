// etcd as a key-value store: the first view is one range read, which etcd answers as of one revision, and a watch from there
// on brings what changes. Now and then a small read that needs a majority proves that the watch has told all; where it has
// not, everything is read anew. The client's own breaker and retries are off: they keep a server shunned that
// is back, and a write without a quorum would hang; every call has a deadline of ours instead.

import { createRequire } from "node:module";
import type { Etcd3, IDuplexStream, IOptions, IWatchRequest, IWatchResponse } from "etcd3";
import { formatHostPort } from "../../../core/address.ts";
import { messageOf, UnderstudyError } from "../../../core/errors.ts";
import type { StoreAccess } from "../../../core/store-access.ts";
import type { StoreUrl } from "../../../core/store-url.ts";
import { EtcdKeys } from "./etcd-keys.ts";
import {
  type Change,
  type Check,
  type Commit,
  type KeyLease,
  type KeyValueStore,
  type KeyView,
  storeUnavailable,
} from "./key-value-store.ts";
import { type OpenAccess, readAccess } from "./read-access.ts";
import { SharedConnection } from "./shared-connection.ts";
import type { StoreDeps } from "./store-deps.ts";
import { TurnsOfHosts } from "./turns-of-hosts.ts";
import { Wake } from "./wake.ts";
import { within } from "./within.ts";

const answerMs = 3_000;
/** A watch may be deaf (its server cut off from the others), so the state is asked for this often. */
const probeMs = 5_000;
/** Shorter ones are prolonged by etcd itself: one and a half times its election timeout. */
const leastTtlMs = 2_000;
/** etcd looks for leases that have ended twice a second, and revokes them by consensus. */
const revokeMs = 1_500;
const maxMessageBytes = 64 * 1024 * 1024;

export function etcdStore(url: StoreUrl, access: StoreAccess, deps: StoreDeps): KeyValueStore {
  return new EtcdStore(url, access, deps);
}

class EtcdStore implements KeyValueStore {
  readonly name: string;
  /** etcd's own limit is 128 unless it is told otherwise. */
  readonly maxOperations = 120;
  readonly servers: number;
  readonly maxCommitBytes = 1024 * 1024;
  readonly minLeaseMs = leastTtlMs + revokeMs;
  readonly #url: StoreUrl;
  readonly #access: StoreAccess;
  readonly #deps: StoreDeps;
  readonly #turns: TurnsOfHosts;
  readonly #shared: SharedConnection<Etcd3>;
  readonly #closing = new AbortController();

  constructor(url: StoreUrl, access: StoreAccess, deps: StoreDeps) {
    this.name = `etcd://${url.hosts.map(formatHostPort).join(",")}`;
    this.servers = url.hosts.length;
    this.#url = url;
    this.#access = access;
    this.#deps = deps;
    this.#turns = new TurnsOfHosts(url.hosts, deps.random);
    this.#shared = new SharedConnection(deps.clock, (at) => this.#connect(at));
  }

  read(prefix: string, signal: AbortSignal): Promise<KeyView> {
    return this.#anywhere(signal, (client) => readKeys(client, prefix));
  }

  async *views(prefix: string, signal: AbortSignal, signOfLifeMs: () => number): AsyncGenerator<KeyView> {
    const at = this.#turns.current;
    const client = await this.#connect(at);
    const wake = new Wake(this.#deps.clock);
    let stream: IDuplexStream<IWatchRequest, IWatchResponse> | null = null;
    try {
      let askedAt = this.#deps.clock.now();
      const first = await this.#within(signal, () => readKeys(client, prefix));
      const keys = new EtcdKeys(first);
      stream = await this.#within(signal, () => openWatch(client, prefix, first.index + 1, keys, wake));
      for (let confirmed = true; ; ) {
        yield confirmed ? keys.view() : { ...keys.view(), hearsay: true };
        // Also while changes come: they say nothing of whether the majority still does.
        const patienceMs = Math.min(probeMs, signOfLifeMs()) - (this.#deps.clock.now() - askedAt);
        confirmed = patienceMs <= 0 || (await wake.next(patienceMs, signal)) === "timeout";
        if (!confirmed) continue;
        askedAt = this.#deps.clock.now();
        const now = await this.#within(signal, () => fingerprint(client, prefix));
        if (now.text === keys.fingerprint()) keys.reached(now.index);
        else keys.begin(await this.#within(signal, () => readKeys(client, prefix)));
      }
    } catch (thrown) {
      this.#turns.failed(at);
      throw this.#told(thrown, signal);
    } finally {
      stream?.on("error", () => undefined);
      stream?.cancel();
      client.close();
    }
  }

  commit(checks: readonly Check[], changes: readonly Change[], signal: AbortSignal): Promise<Commit> {
    return this.#once(signal, async (client) => {
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
    const granted = await this.#anywhere(signal, (client) =>
      client.leaseClient.leaseGrant({ TTL: ttlSeconds }),
    );
    const id = granted.ID;
    return {
      id,
      ttlMs: Number(granted.TTL) * 1_000,
      renew: (stop) => this.#anywhere(stop, (client) => keepAlive(client, id)),
      end: async (stop) => {
        await this.#anywhere(stop, (client) => client.leaseClient.leaseRevoke({ ID: id }));
      },
    };
  }

  close(): void {
    this.#shared.close();
    this.#closing.abort(new UnderstudyError("aborted", `${this.name}: closed`));
  }

  /** Asks one server after the other until one answers; for what may be done twice. */
  async #anywhere<T>(signal: AbortSignal, work: (client: Etcd3) => Promise<T>): Promise<T> {
    for (let left = this.#turns.count; ; left--) {
      try {
        return await this.#once(signal, work);
      } catch (thrown) {
        if (left <= 1 || signal.aborted) throw thrown;
      }
    }
  }

  async #once<T>(signal: AbortSignal, work: (client: Etcd3) => Promise<T>): Promise<T> {
    const at = this.#turns.current;
    try {
      return await this.#within(signal, () => this.#shared.use(at, work));
    } catch (thrown) {
      this.#turns.failed(at);
      throw this.#told(thrown, signal);
    }
  }

  #within<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return within(this.#deps.clock, answerMs, AbortSignal.any([signal, this.#closing.signal]), work);
  }

  async #connect(at: number): Promise<Etcd3> {
    return connect(this.#url, at, await readAccess(this.#access), this.#deps);
  }

  #told(thrown: unknown, signal: AbortSignal): unknown {
    if (signal.aborted || thrown instanceof UnderstudyError) return thrown;
    return storeUnavailable(this.name, textOf(thrown), thrown);
  }
}

function connect(url: StoreUrl, at: number, access: OpenAccess, { clock }: StoreDeps): Etcd3 {
  const { ca, cert, key, user, password } = access;
  // Packages of CommonJS, gRPC among them; loaded with the first store.
  const require = createRequire(import.meta.url);
  const { Etcd3: Client } = require("etcd3") as typeof import("etcd3");
  const { noop } = require("cockatiel") as typeof import("cockatiel");
  const host = formatHostPort(url.hosts[at] ?? { host: "127.0.0.1", port: 2_379 });
  const tls = { rootCertificate: ca, ...(key && cert ? { privateKey: key, certChain: cert } : {}) };
  return new Client({
    hosts: `${url.secure ? "https" : "http"}://${host}`,
    // Without a CA of its own the client takes those that Node knows.
    ...(url.secure && (ca || cert) ? { credentials: tls as NonNullable<IOptions["credentials"]> } : {}),
    ...(user === null ? {} : { auth: { username: user, password: password ?? "" } }),
    faultHandling: { host: () => noop, global: noop },
    grpcOptions: {
      "grpc.max_receive_message_length": maxMessageBytes,
      "grpc.keepalive_time_ms": 10_000,
      "grpc.keepalive_timeout_ms": 3_000,
      "grpc.enable_http_proxy": 0,
      // A channel of our own for each client: a shared one keeps the back-off of whoever failed before.
      "grpc.use_local_subchannel_pool": 1,
    },
    defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: clock.wall() + answerMs }),
  });
}

async function readKeys(client: Etcd3, prefix: string): Promise<KeyView> {
  const { header, kvs } = await client.kv.range({
    ...rangeOf(prefix),
    sort_target: "Key",
    sort_order: "Ascend",
  });
  const keys = kvs.map(({ key, value, mod_revision }) => ({
    key: key.toString("utf8"),
    value: value.toString("utf8"),
    index: Number(mod_revision),
  }));
  return { index: Number(header.revision), keys };
}

/** What `EtcdKeys` has of the same name, as a majority has it. */
async function fingerprint(
  client: Etcd3,
  prefix: string,
): Promise<{ readonly text: string; readonly index: number }> {
  const { header, kvs, count } = await client.kv.range({
    ...rangeOf(prefix),
    limit: 1,
    sort_target: "Mod",
    sort_order: "Descend",
    keys_only: true,
  });
  return { text: `${count}@${kvs[0]?.mod_revision ?? 0}`, index: Number(header.revision) };
}

/** Changes the keys and wakes, from `revision` on; breaks the wake where the watch has ended (compacted, cut off). */
async function openWatch(
  client: Etcd3,
  prefix: string,
  revision: number,
  keys: EtcdKeys,
  wake: Wake,
): Promise<IDuplexStream<IWatchRequest, IWatchResponse>> {
  const stream = await client.watchClient.watch();
  stream.on("data", (response) => {
    if (response.canceled) {
      const compacted = Number(response.compact_revision) > 0;
      wake.fail(
        new Error(compacted ? "the history was compacted" : `watch ended: ${response.cancel_reason}`),
      );
    } else if (keys.change(response.events)) wake.wake();
  });
  stream.on("error", (error) => wake.fail(error));
  stream.on("end", () => wake.fail(new Error("the watch has ended")));
  stream.write({ create_request: { ...rangeOf(prefix), start_revision: String(revision) } });
  return stream;
}

function rangeOf(prefix: string): { readonly key: Buffer; readonly range_end: Buffer } {
  const end = Buffer.from(prefix);
  // A prefix ends in a slash, so its last byte can be raised.
  end.writeUInt8(end.readUInt8(end.length - 1) + 1, end.length - 1);
  return { key: Buffer.from(prefix), range_end: end };
}

function operationOf(change: Change) {
  if ("remove" in change) return { request_delete_range: { key: Buffer.from(change.remove) } };
  const { put, value, lease } = change;
  return {
    request_put: {
      key: Buffer.from(put),
      value: Buffer.from(value),
      ...(lease === undefined ? {} : { lease }),
    },
  };
}

/** false: there is no such lease any more, for which etcd answers a TTL of 0. */
async function keepAlive(client: Etcd3, id: string): Promise<boolean> {
  const stream = await client.leaseClient.leaseKeepAlive();
  try {
    return await new Promise<boolean>((resolve, reject) => {
      stream.on("data", ({ TTL }) => resolve(Number(TTL) > 0));
      stream.on("error", reject);
      stream.on("end", () => reject(new Error("the server ended the stream")));
      stream.write({ ID: id });
    });
  } finally {
    stream.on("error", () => undefined);
    stream.end();
  }
}

function textOf(thrown: unknown): string {
  return messageOf(thrown).replace(/^(?:\d+ [A-Z_]+: |\w+Error: )+/, "");
}
