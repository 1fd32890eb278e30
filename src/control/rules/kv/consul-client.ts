// Consul's HTTP API through its client: one connection, one request that can be cancelled, the keys under a prefix, and what
// Consul says when it refuses.

import { EventEmitter } from "node:events";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { createRequire } from "node:module";
import type Consul from "consul";
import { messageOf } from "../../../core/errors.ts";
import type { StoreUrl } from "../../../core/store-url.ts";
import { boundAnswers } from "./consul-answers.ts";
import type { Change, Check, KeyView } from "./key-value-store.ts";
import type { OpenAccess } from "./read-access.ts";

/** Of one answer, in which values stand in base64. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** What Consul is asked and answers; the package's own types know neither `index` nor the headers. */
interface Answered<T> {
  readonly body: T;
  readonly index: number;
}

/** A client with sockets of its own. */
export interface ConsulConnection {
  readonly client: Consul;
  close(): void;
}

interface WireKey {
  readonly Key: string;
  readonly Value: string | null;
  readonly ModifyIndex: number;
}

/** Connects to nothing yet. */
export function connectConsul(
  { hosts, secure }: StoreUrl,
  at: number,
  { token, ca, cert, key }: OpenAccess,
): ConsulConnection {
  const host = hosts[at] ?? { host: "127.0.0.1", port: 8_500 };
  // A package of CommonJS; loaded with the first store.
  const Client = createRequire(import.meta.url)("consul") as typeof Consul;
  const tls = { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
  const agent = secure ? new HttpsAgent({ keepAlive: true, ...tls }) : new HttpAgent({ keepAlive: true });
  const client = new Client({
    host: host.host.includes(":") ? `[${host.host}]` : host.host,
    port: host.port,
    secure,
    agent,
    ...(token === null ? {} : { defaults: { token } }),
  });
  boundAnswers(client, maxAnswerBytes);
  return { client, close: () => agent.destroy() };
}

/** At once, or as soon as something under the prefix has a higher index than `after.index`, or that time has passed. */
export async function readConsulKeys(
  client: Consul,
  prefix: string,
  stop: AbortSignal,
  after = { index: 0, blockMs: 0 },
): Promise<KeyView> {
  const blocking =
    after.blockMs === 0 ? {} : { index: String(after.index), wait: `${Math.ceil(after.blockMs)}ms` };
  const { body, index } = await askConsul<readonly WireKey[] | undefined>(
    (options) =>
      client.kv.get({ key: prefix, recurse: true, consistent: true, ...blocking, ...options } as never),
    stop,
  );
  // Consul counts from 1. Without a number the next query would not wait, and the one after it neither.
  if (!(index >= 1)) throw new Error(`expected an answer with X-Consul-Index, got ${index}`);
  const keys = (body ?? []).map(({ Key, Value, ModifyIndex }) => ({
    key: Key,
    value: Value ?? "",
    index: ModifyIndex,
  }));
  return { index, keys };
}

/** Runs one request of the client, which is cancelled through an emitter, and answers with the response beside the body. */
export async function askConsul<T>(
  request: (options: Record<string, unknown>) => Promise<unknown>,
  stop: AbortSignal,
): Promise<Answered<T>> {
  const context = Object.assign(new EventEmitter(), { includeResponse: true, tooLarge: false });
  const cancel = () => context.emit("cancel");
  stop.addEventListener("abort", cancel, { once: true });
  try {
    const answer = await request({ ctx: context });
    // With includeResponse the answer is the response and the body; a call without a body leaves the latter out.
    const [response, body] = answer as [{ headers: Record<string, string | undefined> }, T];
    return { body, index: Number(response.headers["x-consul-index"] ?? 0) };
  } catch (thrown) {
    if (!context.tooLarge) throw thrown;
    throw new Error(`expected an answer of at most ${maxAnswerBytes} bytes, got more`, { cause: thrown });
  } finally {
    stop.removeEventListener("abort", cancel);
  }
}

/** One step of a transaction. */
export interface Operation {
  readonly KV: {
    readonly Verb: string;
    readonly Key: string;
    readonly Value?: string;
    readonly Index?: number;
    readonly Session?: string;
  };
}

export function checkOperation({ key, index }: Check): Operation {
  return index === 0
    ? { KV: { Verb: "check-not-exists", Key: key } }
    : { KV: { Verb: "check-index", Key: key, Index: index } };
}

export function changeOperation(change: Change): Operation {
  if ("remove" in change) return { KV: { Verb: "delete", Key: change.remove } };
  const Value = Buffer.from(change.value).toString("base64");
  return change.lease === undefined
    ? { KV: { Verb: "set", Key: change.put, Value } }
    : { KV: { Verb: "lock", Key: change.put, Value, Session: change.lease } };
}

interface Refused {
  readonly response?: { readonly statusCode?: number; readonly body?: unknown };
}

/** The HTTP status with which Consul refused; undefined where it did not answer. */
export function statusOf(thrown: unknown): number | undefined {
  return (thrown as Refused | undefined)?.response?.statusCode;
}

/** Another server would say the same: the token is wrong, or the request is. */
export function isRefusal(thrown: unknown): boolean {
  const status = statusOf(thrown);
  return status !== undefined && status >= 400 && status < 500;
}

/** What Consul says, beside what its client says. */
export function textOf(thrown: unknown): string {
  const body = (thrown as Refused | undefined)?.response?.body;
  const detail = Buffer.isBuffer(body) || typeof body === "string" ? String(body).trim().slice(0, 300) : "";
  const message = messageOf(thrown).replace(/^consul: /, "");
  return detail === "" || message.includes(detail) ? message : `${message} (${detail})`;
}
