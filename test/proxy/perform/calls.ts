// Calls, replies and rules for the tests of this stage, with only what a test names written out.

import { bodyOf, emptyBody, streamBody } from "../../../src/core/body.ts";
import type { Body, Exchange, Handler, Reply, ResponseReply } from "../../../src/core/exchange.ts";
import { type HeaderList, headerValue } from "../../../src/core/headers.ts";
import type { DelaySpec, FaultSpec, MessagePatch, ReplySpec, RuleSpec } from "../../../src/core/rule.ts";

export interface CallOptions {
  readonly method?: string;
  readonly authority?: string;
  readonly path?: string;
  readonly headers?: HeaderList;
  readonly body?: Body;
  readonly signal?: AbortSignal;
  readonly notes?: string[];
}

export function call(options: CallOptions = {}): Exchange {
  const headers = options.headers ?? [];
  return {
    id: "1",
    connection: {
      id: "c1",
      direction: "outbound",
      downstream: { host: "127.0.0.1", port: 40_000 },
      originalDestination: { host: "10.0.0.1", port: 80 },
    },
    head: {
      method: options.method ?? "GET",
      scheme: "http",
      authority: options.authority ?? "shop.svc:8080",
      path: options.path ?? "/",
      headers,
      header: (name) => headerValue(headers, name),
    },
    body: options.body ?? emptyBody,
    signal: options.signal ?? new AbortController().signal,
    ...(options.notes ? { note: (text: string) => void options.notes?.push(text) } : {}),
  };
}

export function text(value: string): Uint8Array {
  return Buffer.from(value, "utf8");
}

/** A body of unknown length in the given chunks. */
export function chunked(chunks: readonly Uint8Array[], trailers: HeaderList = []): Body {
  return streamBody(
    null,
    async function* () {
      yield* chunks;
    },
    () => trailers,
  );
}

export function response(
  body: Body | string = "",
  rest: { status?: number; reason?: string; headers?: HeaderList } = {},
): ResponseReply {
  return {
    kind: "response",
    status: rest.status ?? 200,
    reason: rest.reason ?? "OK",
    headers: rest.headers ?? [],
    body: typeof body === "string" ? bodyOf(text(body)) : body,
  };
}

export function answering(reply: Reply): Handler {
  return async () => reply;
}

/** The response, or a failed test. */
export function responseOf(reply: Reply): ResponseReply {
  if (reply.kind !== "response") throw new Error(`expected a response, got ${reply.kind}`);
  return reply;
}

export async function bytesOf(body: Body): Promise<Uint8Array> {
  return body.read(100_000_000);
}

export async function textOf(body: Body): Promise<string> {
  return Buffer.from(await bytesOf(body)).toString("utf8");
}

export function rule(parts: Partial<RuleSpec>): RuleSpec {
  return {
    name: "a-rule",
    priority: 100,
    matches: [],
    scope: {
      percentage: 100,
      decideBy: { by: "request" },
      expiresAtMs: null,
      ttlMs: null,
      headers: [],
      baggage: [],
      maxActive: null,
    },
    state: null,
    respond: null,
    fault: null,
    patch: null,
    origin: "rules.yaml:1",
    ...parts,
  };
}

export function replySpec(parts: Partial<ReplySpec>): ReplySpec {
  return {
    status: 200,
    reason: "",
    headers: [],
    body: { kind: "none" },
    template: false,
    trailers: [],
    delay: null,
    ...parts,
  };
}

export function fault(parts: Partial<FaultSpec>): FaultSpec {
  return { delay: null, abort: null, throttle: null, slice: null, truncate: null, corrupt: null, ...parts };
}

export function messagePatch(parts: Partial<MessagePatch>): MessagePatch {
  return { setHeaders: [], removeHeaders: [], json: null, body: null, ...parts };
}

export function fixedDelay(ms: number): DelaySpec {
  return { type: "fixed", ms };
}
