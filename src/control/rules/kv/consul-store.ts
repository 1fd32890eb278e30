// Consul as a key-value store: blocking queries for changes, transactions for commits, sessions for leases. Every query asks
// for consistency, so that a leader that was paused and has been replaced cannot bring back what it remembers.

import { EventEmitter } from "node:events";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { createRequire } from "node:module";
import type Consul from "consul";
import { formatHostPort } from "../../../core/address.ts";
import { messageOf, UnderstudyError } from "../../../core/errors.ts";
import type { StoreAccess } from "../../../core/store-access.ts";
import type { StoreUrl } from "../../../core/store-url.ts";
import { boundAnswers } from "./consul-answers.ts";
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
import { within } from "./within.ts";

/** For an answer that Consul can give at once. */
const answerMs = 3_000;
/** How long a blocking query may find nothing new, at most. Consul adds up to a sixteenth of it. */
const waitMs = 10_000;
/** Consul ends a session up to two TTLs after its last renewal. */
const sessionSlack = 2;
const leastTtlMs = 10_000;
/** Of one answer, in which values stand in base64. */
const maxAnswerBytes = 64 * 1024 * 1024;

/** What Consul is asked and answers; the package's own types know neither `index` nor the headers. */
interface Answered<T> {
  readonly body: T;
  readonly index: number;
}

interface Connection {
  readonly client: Consul;
  close(): void;
}

interface WireKey {
  readonly Key: string;
  readonly Value: string | null;
  readonly ModifyIndex: number;
}

export function consulStore(url: StoreUrl, access: StoreAccess, deps: StoreDeps): KeyValueStore {
  return new ConsulStore(url, access, deps);
}

class ConsulStore implements KeyValueStore {
  readonly name: string;
  readonly maxOperations = 64;
  readonly servers: number;
  readonly maxCommitBytes = 320 * 1024;
  readonly minLeaseMs = leastTtlMs * sessionSlack;
  readonly #url: StoreUrl;
  readonly #access: StoreAccess;
  readonly #deps: StoreDeps;
  readonly #turns: TurnsOfHosts;
  readonly #shared: SharedConnection<Connection>;
  readonly #closing = new AbortController();

  constructor(url: StoreUrl, access: StoreAccess, deps: StoreDeps) {
    this.name = `consul://${url.hosts.map(formatHostPort).join(",")}`;
    this.servers = url.hosts.length;
    this.#url = url;
    this.#access = access;
    this.#deps = deps;
    this.#turns = new TurnsOfHosts(url.hosts, deps.random);
    this.#shared = new SharedConnection(deps.clock, (at) => this.#connect(at));
  }

  async read(prefix: string, signal: AbortSignal): Promise<KeyView> {
    return this.#anywhere(signal, (client, stop) => readKeys(client, prefix, stop));
  }

  async *views(prefix: string, signal: AbortSignal, signOfLifeMs: () => number): AsyncGenerator<KeyView> {
    const at = this.#turns.current;
    const connection = await this.#connect(at);
    let index = 0;
    try {
      for (;;) {
        const blockMs = index === 0 ? 0 : Math.min(waitMs, signOfLifeMs());
        const view = await this.#within(blockMs * 1.0625 + answerMs, signal, (stop) =>
          readKeys(connection.client, prefix, stop, { index, blockMs }),
        );
        // An index that goes back means another history (a restore, a wipe): what it counted is of no use any more.
        index = view.index < index ? 0 : view.index;
        yield view;
      }
    } catch (thrown) {
      this.#turns.failed(at);
      throw this.#told(thrown, signal);
    } finally {
      connection.close();
    }
  }

  async commit(checks: readonly Check[], changes: readonly Change[], signal: AbortSignal): Promise<Commit> {
    const operations = [...checks.map(checkOperation), ...changes.map(changeOperation)];
    return this.#once(signal, async (client, stop) => {
      try {
        const { body } = await ask<{ Results: { KV: { ModifyIndex: number } }[] | null }>(
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
    const { body } = await this.#anywhere(signal, (client, stop) =>
      ask<{ ID: string }>(
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
        this.#anywhere(stop, async (client, each) => {
          try {
            await ask((options) => client.session.renew({ ...options, id }), each);
            return true;
          } catch (thrown) {
            if (statusOf(thrown) === 404) return false;
            throw thrown;
          }
        }),
      end: async (stop) => {
        await this.#anywhere(stop, (client, each) =>
          ask((options) => client.session.destroy({ ...options, id }), each),
        );
      },
    };
  }

  close(): void {
    this.#shared.close();
    this.#closing.abort(new UnderstudyError("aborted", `${this.name}: closed`));
  }

  /** Asks one server after the other until one answers; for what may be done twice. */
  async #anywhere<T>(
    signal: AbortSignal,
    work: (client: Consul, stop: AbortSignal) => Promise<T>,
  ): Promise<T> {
    for (let left = this.#turns.count; ; left--) {
      try {
        return await this.#once(signal, work);
      } catch (thrown) {
        if (left <= 1 || signal.aborted || isRefusal(thrown)) throw thrown;
      }
    }
  }

  async #once<T>(signal: AbortSignal, work: (client: Consul, stop: AbortSignal) => Promise<T>): Promise<T> {
    const at = this.#turns.current;
    try {
      return await this.#within(answerMs, signal, (stop) =>
        this.#shared.use(at, ({ client }) => work(client, stop)),
      );
    } catch (thrown) {
      if (!isRefusal(thrown)) this.#turns.failed(at);
      throw this.#told(thrown, signal);
    }
  }

  #within<T>(ms: number, signal: AbortSignal, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    return within(this.#deps.clock, ms, AbortSignal.any([signal, this.#closing.signal]), work);
  }

  async #connect(at: number): Promise<Connection> {
    return connect(this.#url, at, await readAccess(this.#access));
  }

  #told(thrown: unknown, signal: AbortSignal): unknown {
    if (signal.aborted || thrown instanceof UnderstudyError) return thrown;
    return storeUnavailable(this.name, textOf(thrown), thrown);
  }
}

function connect({ hosts, secure }: StoreUrl, at: number, { token, ca, cert, key }: OpenAccess): Connection {
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
async function readKeys(
  client: Consul,
  prefix: string,
  stop: AbortSignal,
  after = { index: 0, blockMs: 0 },
): Promise<KeyView> {
  const blocking =
    after.blockMs === 0 ? {} : { index: String(after.index), wait: `${Math.ceil(after.blockMs)}ms` };
  const { body, index } = await ask<readonly WireKey[] | undefined>(
    (options) =>
      client.kv.get({ key: prefix, recurse: true, consistent: true, ...blocking, ...options } as never),
    stop,
  );
  const keys = (body ?? []).map(({ Key, Value, ModifyIndex }) => ({
    key: Key,
    value: Value ?? "",
    index: ModifyIndex,
  }));
  return { index, keys };
}

/** Runs one request of the client, which is cancelled through an emitter, and answers with the response beside the body. */
async function ask<T>(
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

interface Operation {
  readonly KV: {
    readonly Verb: string;
    readonly Key: string;
    readonly Value?: string;
    readonly Index?: number;
    readonly Session?: string;
  };
}

function checkOperation({ key, index }: Check): Operation {
  return index === 0
    ? { KV: { Verb: "check-not-exists", Key: key } }
    : { KV: { Verb: "check-index", Key: key, Index: index } };
}

function changeOperation(change: Change): Operation {
  if ("remove" in change) return { KV: { Verb: "delete", Key: change.remove } };
  const Value = Buffer.from(change.value).toString("base64");
  return change.lease === undefined
    ? { KV: { Verb: "set", Key: change.put, Value } }
    : { KV: { Verb: "lock", Key: change.put, Value, Session: change.lease } };
}

interface Refused {
  readonly response?: { readonly statusCode?: number; readonly body?: unknown };
}

function statusOf(thrown: unknown): number | undefined {
  const cause = thrown instanceof UnderstudyError ? thrown.cause : thrown;
  return (cause as Refused | undefined)?.response?.statusCode;
}

/** Another server would say the same: the token is wrong, or the request is. */
function isRefusal(thrown: unknown): boolean {
  const status = statusOf(thrown);
  return status !== undefined && status >= 400 && status < 500;
}

function textOf(thrown: unknown): string {
  const body = (thrown as Refused | undefined)?.response?.body;
  const detail = Buffer.isBuffer(body) || typeof body === "string" ? String(body).trim().slice(0, 300) : "";
  const message = messageOf(thrown).replace(/^consul: /, "");
  return detail === "" || message.includes(detail) ? message : `${message} (${detail})`;
}
