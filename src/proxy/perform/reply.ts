// One mocked reply, prepared: everything that can be done before the first call is done while the rules are loaded.
//
//   ReplySpec ── nothing varies ──► FixedReply ──► the lane encodes it once
//             └─ template, delay, trailers ──► worked out for each call

import { bodyOf, emptyBody, streamBody } from "../../core/body.ts";
import type { Clock } from "../../core/clock.ts";
import type { FixedReply } from "../../core/effect.ts";
import type { Body, Exchange, Handler, ResponseReply } from "../../core/exchange.ts";
import { type HeaderList, headerValue } from "../../core/headers.ts";
import type { Random } from "../../core/random.ts";
import type { ReplySpec } from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import { waitFor } from "./delay.ts";
import { prepareEvents } from "./event-reply.ts";
import { checkFields } from "./fields.ts";
import { hasNoBody, statusHasNoBody } from "./no-body.ts";
import { bodyKeyOf, bytesOf, mediaTypeOf, withMediaType } from "./reply-body.ts";
import { prepareTemplates, type RenderReply, type ReplyTemplateDeps } from "./reply-template.ts";

export interface ReplyDeps extends ReplyTemplateDeps {
  readonly clock: Clock;
  readonly random: Random;
}

export interface PreparedReply {
  readonly answer: Handler;
  /** Present where the reply is the same for every call. */
  readonly fixed: FixedReply | null;
}

/** `path`: where the reply stands in its rule. Throws RuleProblem for what could never be sent. */
export function prepareReply(spec: ReplySpec, path: RulePath, deps: ReplyDeps): PreparedReply {
  checkReply(spec, path);
  if (spec.body.kind === "events")
    return { answer: prepareEvents(spec, spec.body.steps, path, deps), fixed: null };
  const templates = spec.template ? prepareTemplates(spec, path, deps) : null;
  if (templates) return { answer: answering(spec, deps, templates), fixed: null };
  const still = stillReply(spec, path);
  const varies = spec.delay !== null || spec.trailers.length > 0;
  return { answer: answering(spec, deps, async () => still), fixed: varies ? null : still };
}

function answering(spec: ReplySpec, deps: ReplyDeps, render: RenderReply): Handler {
  return async (exchange) => {
    if (spec.delay) await waitFor(spec.delay, deps, exchange.signal, exchange.faultEnds);
    return respond(exchange, await render(exchange), spec.trailers);
  };
}

function checkReply(spec: ReplySpec, path: RulePath): void {
  checkFields(spec.headers, [...path, "headers"]);
  checkFields(spec.trailers, [...path, "trailers"]);
  if (spec.status < 200) {
    // RFC 9110 §15.2: 1xx only announces a reply.
    throw new RuleProblem([...path, "status"], `expected a final status from 200 on, got ${spec.status}`);
  }
  const key = bodyKeyOf(spec.body);
  const isEmpty = spec.body.kind === "text" && spec.body.text === "";
  if (key !== null && !isEmpty && statusHasNoBody(spec.status)) {
    throw new RuleProblem(
      [...path, key],
      `expected none, because a reply with status ${spec.status} has no body`,
    );
  }
}

function stillReply(spec: ReplySpec, path: RulePath): FixedReply {
  const mediaType = statusHasNoBody(spec.status) ? null : mediaTypeOf(spec.body);
  const headers = withMediaType(spec.headers, mediaType);
  return Object.freeze({
    status: spec.status,
    reason: spec.reason,
    headers,
    body: bytesOf(spec.body, path),
  });
}

function respond(exchange: Exchange, reply: FixedReply, trailers: HeaderList): ResponseReply {
  const { status, reason, body } = reply;
  const response = { kind: "response", status, reason } as const;
  if (!hasNoBody(exchange.head.method, status)) {
    return { ...response, headers: announced(reply.headers, trailers), body: bodyWith(body, trailers) };
  }
  // RFC 9110 §8.6: a reply to HEAD may say how long the body to GET would be; 204 must not.
  const sized = !statusHasNoBody(status) && trailers.length === 0;
  const headers: HeaderList = sized
    ? [...reply.headers, ["content-length", String(body.length)]]
    : reply.headers;
  return { ...response, headers, body: emptyBody };
}

/** Trailers only travel in a body without a length (RFC 9112 §7.1.2), so the length is kept to ourselves then. */
export function bodyWith(bytes: Uint8Array, trailers: HeaderList): Body {
  if (trailers.length === 0) return bodyOf(bytes);
  const { chunks } = bodyOf(bytes);
  return streamBody(null, chunks, () => trailers);
}

/** RFC 9110 §6.6.2: the names of the trailers are announced, where the rule does not say so itself. */
function announced(headers: HeaderList, trailers: HeaderList): HeaderList {
  if (trailers.length === 0 || headerValue(headers, "trailer") !== undefined) return headers;
  return [...headers, ["trailer", [...new Set(trailers.map(([name]) => name))].join(", ")]];
}
