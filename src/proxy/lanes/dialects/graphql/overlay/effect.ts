// The field overlay: the call still goes to the real server, without what the rule answers, and the two answers become one.
//
//   client ── whole operation ──► prune ── smaller operation ──► upstream
//   client ◄── whole answer ───── merge ◄── smaller answer ────── upstream
//
// What is not GraphQL, too large, or no answer in JSON passes as it is, with a note.

import type { DialectTools } from "../../../../../core/dialect.ts";
import type { Effect } from "../../../../../core/effect.ts";
import type { Exchange, Handler, Reply, RequestHead, ResponseReply } from "../../../../../core/exchange.ts";
import { headerValue } from "../../../../../core/headers.ts";
import type { GraphqlDeps } from "../deps.ts";
import type { GraphqlLibrary } from "../library.ts";
import { overBatch, unseen } from "../limits.ts";
import { putBack, withBody } from "../wire/bodies.ts";
import { jsonReply, jsonTypeOf, replyWith, withoutBodyFields, withRequest } from "../wire/http-reply.ts";
import { mayBeGraphql, readHttpRequest } from "../wire/http-request.ts";
import { answerTypeOf } from "../wire/media-type.ts";
import { bodyOfParams, type GraphqlParams, isRecord } from "../wire/params.ts";
import { pathWith } from "../wire/query-path.ts";
import type { OverlaidItem } from "./item.ts";
import type { OverlaidOperations, OverlayRule } from "./overlay-rule.ts";

export interface OverlayEffectDeps extends GraphqlDeps, Pick<DialectTools, "wait" | "maxBodyBytes"> {
  readonly rule: OverlayRule;
  readonly lib: GraphqlLibrary;
}

/** Bytes of an answer that is put together: several times what a rule may hold of a request. */
const answerShare = 8;

export function overlayEffect(deps: OverlayEffectDeps): Effect {
  const { rule } = deps;
  return {
    kind: "graphql-overlay",
    fault: false,
    async apply(exchange, next) {
      if (!mayBeGraphql(exchange.head)) return next(exchange);
      const call = await readCall(exchange, deps);
      if (call.unseen !== null && rule.guardsAll) return unseenReply(exchange.head, call.unseen, deps.lib);
      if (call.items === null) return next(call.exchange);
      const refusal = overBatch(rule.spec.limits, call.items.length, deps.lib);
      if (refusal !== null)
        return replyWith(exchange.head, [{ result: { errors: [refusal.toJSON()] }, executed: false }], false);
      const operations = await rule.operationsOf(exchange);
      const items = call.items.map((params) => inJson(exchange, operations.item(params)));
      return new OverlaidCall(call.exchange, items, call.batch, operations, deps).serve(next);
    },
  };
}

/** A client that wants events hears of its operation in parts, which are nobody's to complete. */
function inJson(exchange: Exchange, item: OverlaidItem): OverlaidItem {
  if (item.kind !== "pruned" || !item.pruned.changed) return item;
  if (answerTypeOf(exchange.head.header("accept")) !== "event-stream") return item;
  exchange.note?.("patch.graphql: left unchanged: the client wants an event stream");
  return { kind: "untouched", params: item.whole };
}

interface ReadCall {
  /** With a body that can still be read. */
  readonly exchange: Exchange;
  /** null: it is nothing that could be overlaid. */
  readonly items: readonly GraphqlParams[] | null;
  readonly batch: boolean;
  /** Why nobody can tell what it is; null: it has been read. */
  readonly unseen: string | null;
}

async function readCall(exchange: Exchange, deps: OverlayEffectDeps): Promise<ReadCall> {
  const { head } = exchange;
  const asItIs = { items: null, batch: false, unseen: null };
  let bytes: Uint8Array | null = null;
  let same = exchange;
  if (head.method === "POST") {
    const held = await deps.holdBody(exchange.body, deps.maxBodyBytes);
    if (held.kind === "larger") {
      const unseen = `its body is larger than ${deps.maxBodyBytes} bytes`;
      return { exchange: withBody(exchange, held.body), ...asItIs, unseen };
    }
    same = withBody(exchange, putBack(held.bytes, exchange.body));
    const coding = head.header("content-encoding");
    bytes = deps.decodeBody(held.bytes, coding, deps.maxBodyBytes);
    if (bytes === null)
      return { exchange: same, ...asItIs, unseen: `its content-encoding ${coding} hides it, or its size` };
  }
  const request = readHttpRequest(head, bytes, deps.parseJson);
  return request.kind === "malformed"
    ? { exchange: same, ...asItIs }
    : { exchange: same, items: request.items, batch: request.batch, unseen: null };
}

/** RFC 9110 §15.5.14 */
function unseenReply(head: RequestHead, why: string, lib: GraphqlLibrary): ResponseReply {
  return jsonReply(413, jsonTypeOf(head), { errors: [unseen(why, lib).toJSON()] });
}

class OverlaidCall {
  readonly #exchange: Exchange;
  readonly #items: readonly OverlaidItem[];
  readonly #batch: boolean;
  readonly #operations: OverlaidOperations;
  readonly #deps: OverlayEffectDeps;

  constructor(
    exchange: Exchange,
    items: readonly OverlaidItem[],
    batch: boolean,
    operations: OverlaidOperations,
    deps: OverlayEffectDeps,
  ) {
    this.#exchange = exchange;
    this.#items = items;
    this.#batch = batch;
    this.#operations = operations;
    this.#deps = deps;
  }

  async serve(next: Handler): Promise<Reply> {
    const asked = this.#items.flatMap((item) => (item.kind === "refused" ? [] : (item.params ?? [])));
    const waits = this.#delays();
    if (this.#items.every(isUntouched)) {
      const [reply] = await Promise.all([next(this.#exchange), waits]);
      return reply;
    }
    if (asked.length === 0) {
      await waits;
      return this.#reply(null, []);
    }
    const [reply] = await Promise.all([next(this.#request(asked)), waits]);
    return reply.kind === "response" ? this.#merged(reply, asked.length) : reply;
  }

  /** As the fields of an operation do: they wait at the same time. */
  async #delays(): Promise<void> {
    const delays = this.#items.flatMap((item) => (item.kind === "pruned" ? item.delays : []));
    await Promise.all(delays.map((delay) => this.#deps.wait(delay, this.#exchange.signal)));
  }

  #request(asked: readonly GraphqlParams[]): Exchange {
    const [only] = asked;
    if (this.#exchange.head.method === "GET" && only !== undefined)
      return withRequest(this.#exchange, { path: pathWith(this.#exchange.head.path, only) });
    const bodies = asked.map(bodyOfParams);
    const bytes = Buffer.from(JSON.stringify(this.#batch ? bodies : bodies[0]), "utf8");
    return withRequest(this.#exchange, { bytes });
  }

  async #merged(reply: ResponseReply, asked: number): Promise<Reply> {
    const { decodeBody, holdBody, parseJson, maxBodyBytes } = this.#deps;
    const note = (text: string) =>
      this.#exchange.note?.(`patch.graphql: the answer is left unchanged: ${text}`);
    const type = headerValue(reply.headers, "content-type");
    if (!isJsonType(type)) {
      note(`its content-type is ${type}`);
      return reply;
    }
    const limit = maxBodyBytes * answerShare;
    const held = await holdBody(reply.body, limit);
    if (held.kind === "larger") {
      note(`it is larger than ${limit} bytes`);
      return { ...fieldsOf(reply), body: held.body };
    }
    const plain = decodeBody(held.bytes, headerValue(reply.headers, "content-encoding"), limit);
    const results = plain === null ? null : resultsIn(plain, this.#batch, asked, parseJson);
    if (results !== null) return this.#reply(reply, results);
    note("it is no GraphQL result");
    return { ...fieldsOf(reply), body: putBack(held.bytes, reply.body) };
  }

  /** `upstream` null: nobody was asked. */
  #reply(
    upstream: ResponseReply | null,
    results: readonly Readonly<Record<string, unknown>>[],
  ): ResponseReply {
    let at = 0;
    const answers = this.#items.map((item) => {
      if (item.kind === "refused") return item;
      const result = item.params === null ? null : (results[at++] ?? {});
      return {
        result: item.kind === "pruned" ? this.#operations.complete(item, result) : (result ?? {}),
        executed: true,
      };
    });
    if (upstream === null) return replyWith(this.#exchange.head, answers, this.#batch);
    const all = answers.map(({ result }) => result);
    const made = jsonReply(upstream.status, jsonTypeOf(this.#exchange.head), this.#batch ? all : all[0]);
    return { ...fieldsOf(upstream), headers: withoutBodyFields(upstream.headers), body: made.body };
  }
}

function isUntouched(item: OverlaidItem): boolean {
  return item.kind === "untouched" || (item.kind === "pruned" && !item.pruned.changed);
}

/** null: not one result for each operation that was asked. */
function resultsIn(
  bytes: Uint8Array,
  batch: boolean,
  asked: number,
  parseJson: (text: string) => unknown,
): readonly Readonly<Record<string, unknown>>[] | null {
  let value: unknown;
  try {
    value = parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch {
    return null;
  }
  const results: readonly unknown[] = batch && Array.isArray(value) ? value : [value];
  return results.length === asked && results.every(isRecord) ? results : null;
}

function isJsonType(type: string | undefined): boolean {
  return type === undefined || /^\s*(?:text\/plain|application\/(?:[\w.-]+\+)?json)\s*(?:;|$)/i.test(type);
}

/** Field by field, because a reply may be an instance with lazy members. */
function fieldsOf(reply: ResponseReply): ResponseReply {
  return {
    kind: "response",
    status: reply.status,
    reason: reply.reason,
    headers: reply.headers,
    body: reply.body,
  };
}
