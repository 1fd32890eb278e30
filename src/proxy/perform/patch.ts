// Changes a real call on its way: the request before it goes upstream, the response before it goes back.

import { bodyOf, emptyBody, streamBody } from "../../core/body.ts";
import type { Effect } from "../../core/effect.ts";
import type { Body, Exchange, ResponseReply } from "../../core/exchange.ts";
import { headerValue, withHeader } from "../../core/headers.ts";
import type { PatchSpec } from "../../core/rule.ts";
import { withRequest, withRequestHeaders } from "./exchange-change.ts";
import { discardBody } from "./held-body.ts";
import { compileMessagePatch, type MessageChange, withoutBodyFields } from "./message-patch.ts";
import { hasNoBody } from "./no-body.ts";

/**
 * `maxBodyBytes`: a larger body is not patched. Throws RuleProblem for a patch that is wrong in itself; what does not
 * apply to one call goes through unchanged with a note on the exchange.
 */
export function patchEffect(spec: PatchSpec, maxBodyBytes: number): Effect {
  const request = spec.request && compileMessagePatch(spec.request, ["patch", "request"], maxBodyBytes);
  const response = spec.response && compileMessagePatch(spec.response, ["patch", "response"], maxBodyBytes);
  const status = spec.response?.status ?? null;
  return {
    kind: "patch",
    fault: false,
    async apply(exchange, next) {
      const reply = await next(request ? await patchRequest(exchange, request) : exchange);
      if (response === null || reply.kind !== "response") return reply;
      const patched = await patchResponse(
        withStatus(reply, status),
        reply.status,
        exchange,
        response,
        maxBodyBytes,
      );
      return { ...patched, headers: response.headers(patched.headers) };
    },
  };
}

async function patchRequest(exchange: Exchange, change: MessageChange): Promise<Exchange> {
  const note = (text: string) => exchange.note?.(text);
  const { headers, body } =
    change.replacement === null
      ? await change.json({ headers: exchange.head.headers, body: exchange.body }, note)
      : { headers: withoutBodyFields(exchange.head.headers), body: bodyOf(change.replacement) };
  return withRequest(exchange, withRequestHeaders(exchange.head, change.headers(headers)), body);
}

/** `before`: the status that came from upstream, which says whether there was a body. */
async function patchResponse(
  reply: ResponseReply,
  before: number,
  exchange: Exchange,
  change: MessageChange,
  maxBodyBytes: number,
): Promise<ResponseReply> {
  const { method } = exchange.head;
  const hadNone = hasNoBody(method, before);
  if (hasNoBody(method, reply.status)) {
    // A reply to HEAD describes the body of a GET, which this rule would have changed or not.
    if (hadNone) return change.changesBody ? withNewBody(reply, emptyBody) : reply;
    if (isTooMuch(reply, maxBodyBytes)) return lastOnConnection(withNewBody(reply, emptyBody));
    await discardBody(reply.body, exchange.signal);
    return withNewBody(reply, emptyBody);
  }
  if (change.replacement !== null) return replaced(reply, change.replacement, exchange.signal, maxBodyBytes);
  if (hadNone) return withNewBody(reply, emptyBody);
  return { ...reply, ...(await change.json(reply, (text) => exchange.note?.(text))) };
}

/** The new bytes at once; then the old ones are read and dropped, so that the upstream connection ends its message. */
function replaced(
  reply: ResponseReply,
  bytes: Uint8Array,
  signal: AbortSignal,
  maxBodyBytes: number,
): ResponseReply {
  if (isTooMuch(reply, maxBodyBytes)) return lastOnConnection(withNewBody(reply, bodyOf(bytes)));
  const body = streamBody(bytes.length, async function* () {
    if (bytes.length > 0) yield bytes;
    await discardBody(reply.body, signal);
  });
  return withNewBody(reply, body);
}

function withNewBody(reply: ResponseReply, body: Body): ResponseReply {
  return { ...reply, headers: withoutBodyFields(reply.headers), body };
}

/** True for a body that is not worth reading for nothing, or that may never end. */
function isTooMuch(reply: ResponseReply, maxBodyBytes: number): boolean {
  if ((reply.body.lengthBytes ?? 0) > maxBodyBytes) return true;
  return /^text\/event-stream\b/i.test(headerValue(reply.headers, "content-type") ?? "");
}

/** Where the old body stays unread, no further reply can follow on the connection (RFC 9112 §9.6). */
function lastOnConnection(reply: ResponseReply): ResponseReply {
  return { ...reply, headers: withHeader(reply.headers, "Connection", "close") };
}

/** Field by field, because a reply may be an instance with lazy members. The lane chooses the phrase of a new status. */
function withStatus(reply: ResponseReply, status: number | null): ResponseReply {
  return {
    kind: "response",
    status: status ?? reply.status,
    reason: status === null ? reply.reason : "",
    headers: reply.headers,
    body: reply.body,
  };
}
