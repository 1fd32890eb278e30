// etcd's gRPC API through its client: one connection, the keys under a prefix, the watch that follows them, leases. The
// client's own breaker and retries are off: they keep a server shunned that is back, and a write without a quorum would hang;
// every call has a deadline of ours instead.

import { createRequire } from "node:module";
import type { Etcd3, IDuplexStream, IOptions, IWatchRequest, IWatchResponse } from "etcd3";
import { formatHostPort } from "../../../core/address.ts";
import type { Clock } from "../../../core/clock.ts";
import { messageOf } from "../../../core/errors.ts";
import type { StoreUrl } from "../../../core/store-url.ts";
import type { EtcdKeys } from "./etcd-keys.ts";
import type { Change, KeyView } from "./key-value-store.ts";
import type { OpenAccess } from "./read-access.ts";
import type { Wake } from "./wake.ts";

const maxMessageBytes = 64 * 1024 * 1024;

/** What etcd tells of the keys that change. */
export type EtcdWatch = IDuplexStream<IWatchRequest, IWatchResponse>;

/** Connects to nothing yet. Each call ends `answerMs` after it began. */
export function connectEtcd(
  url: StoreUrl,
  at: number,
  access: OpenAccess,
  { clock, answerMs }: { readonly clock: Clock; readonly answerMs: number },
): Etcd3 {
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

/** The keys under the prefix as of one revision. */
export async function readEtcdKeys(client: Etcd3, prefix: string): Promise<KeyView> {
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
export async function fingerprint(
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
export async function openWatch(
  client: Etcd3,
  prefix: string,
  revision: number,
  keys: EtcdKeys,
  wake: Wake,
): Promise<EtcdWatch> {
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

/** One step of a transaction. */
export function operationOf(change: Change) {
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
export async function keepAlive(client: Etcd3, id: string): Promise<boolean> {
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

/** What etcd says, without the names of its errors and the hints of gRPC to its developers. */
export function textOf(thrown: unknown): string {
  const message = messageOf(thrown).replace(/( \(\d{4}-[^)]*Z\))?\.? Resolution note:.*$/s, "");
  return message.replace(/^(?:\d+ [A-Z_]+: |\w+Error: )+/, "");
}
