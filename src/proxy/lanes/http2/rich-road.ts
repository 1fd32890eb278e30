// The rich road: one claimed stream, from the exchange over effects and terminal to the reply written downstream. Streams
// run beside each other; each waits for its own windows alone.

import { bodyOf } from "../../../core/body.ts";
import type { Connection } from "../../../core/connection.ts";
import { messageOf, UnderstudyError } from "../../../core/errors.ts";
import type { Exchange, Reply, ResponseReply } from "../../../core/exchange.ts";
import type { HeaderList } from "../../../core/headers.ts";
import type { Claim, Traffic } from "../../../core/lane.ts";
import { grpcRefusal } from "../dialects/grpc/refusal.ts";
import { grpcStatusIn } from "../dialects/grpc/status.ts";
import { StreamRelay } from "../websocket/stream-relay.ts";
import { keptExchange } from "../websocket/upgrade.ts";
import { replyFields } from "./fixed-replies.ts";
import { errorCodes } from "./frames.ts";
import { fieldsForHttp2 } from "./request-head.ts";
import type { RichLink } from "./rich-link.ts";
import type { LocalStream } from "./stream.ts";

/** What the session lends the road. */
export interface RichRoadDeps {
  readonly connection: Connection;
  readonly traffic: Traffic;
  /**
   * The link for claimed calls where it takes another one now; else resolves when it may, and is to be asked again.
   * connect_failed where there is nowhere to go; ends on abort.
   */
  readonly link: (signal: AbortSignal) => RichLink | Promise<void>;
  /** Fields of a head or of trailers. */
  readonly fields: (stream: LocalStream, fields: HeaderList, endStream: boolean) => void;
  /** Resolves when the bytes are out. */
  readonly write: (stream: LocalStream, bytes: Uint8Array) => Promise<void> | undefined;
  readonly end: (stream: LocalStream) => void;
  /** RST_STREAM; the stream is over. */
  readonly reset: (stream: LocalStream, code: number) => void;
  /** GOAWAY: what is open goes on, nothing new is taken. `refused`: the stream that was never looked at, if any. */
  readonly goAway: (code: number, refused: number | null) => void;
}

/** Serves one stream to its end; never rejects. `claim` null: nobody claims it after its body was seen. */
export async function serveRich(stream: LocalStream, claim: Claim | null, deps: RichRoadDeps): Promise<void> {
  const { call } = stream;
  if (claim) describe(stream, claim);
  let link: RichLink | null = null;
  let relayed: Promise<Reply> | null = null;
  let messages: StreamRelay | null = null;
  let resetCode: number | null = null;
  const webSocket = (): StreamRelay => {
    messages ??= streamRelayOf(stream, deps);
    return messages;
  };
  const send = (exchange: Exchange, link: RichLink): Promise<Reply> => {
    stream.uploads = true;
    const outgoing = stream.upgrade ? webSocket().outgoing(exchange) : exchange;
    const own = link.relay(outgoing, stream.head.connectProtocol, {
      interim: (fields) => deps.fields(stream, fields, false),
      reset: (code) => {
        resetCode = code;
      },
      failed: (flag, detail) => call.fail("failed", flag, detail),
    });
    relayed = own;
    stream.abort.signal.addEventListener("abort", () => link.clientLeft(own), { once: true });
    return stream.upgrade ? own.then((reply) => webSocket().incoming(reply)) : own;
  };
  const forward = async (exchange: Exchange): Promise<Reply> => {
    for (;;) {
      const to = deps.link(stream.abort.signal);
      if (to instanceof Promise) {
        await to;
        continue; // others may have been sent meanwhile
      }
      link = to;
      call.goesOn();
      call.upstream = to.upstream;
      if (stream.head.connectProtocol === null) return send(exchange, to);
      const refusal = await askConnect(stream, to);
      if (refusal) return refusal;
      if (to.isUsable && to.hasRoom) return send(exchange, to);
    }
  };
  try {
    const exchange = exchangeOf(stream, deps);
    const reply = await (claim ? claim.serve(exchange, forward) : forward(exchange));
    const response = reply.kind === "websocket" ? webSocket().answer(reply) : reply;
    await writeReply(response, stream, claim, deps);
    // An upstream may answer before it has the whole request, and read on (RFC 9113 §8.1); of a tunnel, each end is that of one
    // direction (§8.5).
    if (relayed) await (messages as StreamRelay | null)?.whenOver();
    if (stream.uploads) await (link as RichLink | null)?.whenSent(relayed);
    if (stream.uploads && resetCode !== null && !stream.requestDone) deps.reset(stream, resetCode);
  } catch (error) {
    await answerFailure(error, resetCode, stream, deps);
  } finally {
    const used = link as RichLink | null; // assigned in a callback, which the compiler does not see
    used?.abandon(relayed);
    (messages as StreamRelay | null)?.dispose();
    stream.upgrade?.claim.release();
    claim?.release();
  }
}

/**
 * RFC 8441 §3: an upstream that has not said that it takes extended CONNECT must not be sent any. It may well speak
 * WebSocket over HTTP/1.1, which is where the client is sent (RFC 9113 §7). null: it takes them.
 */
async function askConnect({ call, head, abort }: LocalStream, link: RichLink): Promise<Reply | null> {
  if (await link.takesConnectProtocol(abort.signal)) return null;
  call.fail("refused", "UF", `the upstream takes no CONNECT for ${head.connectProtocol} over HTTP/2`);
  return { kind: "sever", how: "stream", code: errorCodes.http11Required, goAway: false };
}

/** The body of the stream is read by the relay; the exchange that scripts see has none of its own. */
function streamRelayOf(stream: LocalStream, deps: RichRoadDeps): StreamRelay {
  const { connection, traffic } = deps;
  const { body, note } = exchangeOf(stream, deps);
  const exchange = stream.upgrade?.exchange ?? keptExchange(stream.head, connection);
  const relay = new StreamRelay({
    ...{ connection, traffic, body },
    claim: stream.upgrade?.claim ?? null,
    exchange: { ...exchange, signal: stream.abort.signal, ...(note ? { note } : {}) },
    blame: (flag, detail) => {
      stream.call.flag(flag);
      stream.call.remark(detail);
    },
  });
  stream.call.countMessages = () => relay.messages;
  return relay;
}

function describe(stream: LocalStream, claim: Claim): void {
  const { call } = stream;
  const { rule } = claim;
  call.rule = rule.spec.name;
  if (rule.terminal.kind !== "relay") {
    call.outcome = rule.terminal.kind === "mock" ? "mocked" : "aborted";
    call.upstream = null;
  }
  if (rule.terminal.kind === "abort") call.flag("FI");
  for (const effect of rule.effects) if (effect.fault) call.flag(effect.kind === "delay" ? "DI" : "FI");
}

function exchangeOf(stream: LocalStream, deps: RichRoadDeps): Exchange {
  const { connection } = deps;
  return {
    id: `${connection.id}-${stream.id}`,
    connection,
    head: stream.head,
    body: stream.pipe.body(stream.bodyBytes),
    signal: stream.abort.signal,
    note: (text) => stream.call.remark(text),
  };
}

/**
 * A connection carries other calls too, so what HTTP/1 does to the connection is done to the stream here: `reset` is
 * INTERNAL_ERROR, as from a server that broke; `close` is CANCEL; a cut body is INTERNAL_ERROR behind its bytes.
 */
async function writeReply(
  reply: Exclude<Reply, { kind: "websocket" }>,
  stream: LocalStream,
  claim: Claim | null,
  deps: RichRoadDeps,
): Promise<void> {
  const { traffic } = deps;
  if (reply.kind === "sever") {
    if (reply.how === "stream") {
      // RFC 9113 §6.8, §8.7: what is open behind a graceful GOAWAY is answered, or was never looked at.
      const isRefused = reply.goAway && reply.code === errorCodes.none;
      if (reply.goAway) deps.goAway(reply.code, isRefused ? stream.id : null);
      return deps.reset(stream, isRefused ? errorCodes.refusedStream : reply.code);
    }
    return deps.reset(stream, reply.how === "rst" ? errorCodes.internal : errorCodes.cancel);
  }
  const { call } = stream;
  call.status = reply.status;
  call.grpcStatus = grpcStatusIn(reply.headers);
  const isOurs = claim !== null && claim.rule.terminal.kind !== "relay" && call.outcome !== "relayed";
  const bodiless = call.method === "HEAD" || reply.status === 204 || reply.status === 304;
  const isUnsaid = bodiless || call.method === "CONNECT" || (!isOurs && saysNoLength(reply));
  const length = isUnsaid ? null : reply.body.lengthBytes;
  const fields = replyFields(reply.status, headersFor(reply), length, isOurs ? traffic.clock.wall() : null);
  const isEmpty = bodiless || (reply.body.lengthBytes === 0 && reply.body.trailers().length === 0);
  deps.fields(stream, fields, isEmpty);
  if (isEmpty) return;
  for await (const chunk of reply.body.chunks()) {
    call.responseBytes += chunk.length;
    await deps.write(stream, chunk);
    stream.abort.signal.throwIfAborted();
  }
  const trailers = fieldsForHttp2(reply.body.trailers());
  call.grpcStatus ??= grpcStatusIn(trailers);
  if (trailers.length > 0) deps.fields(stream, trailers, true);
  else deps.end(stream);
}

/** An upstream that ends its reply with the head need not say that there is no body, as replies of gRPC do not. */
function saysNoLength({ body, headers }: ResponseReply): boolean {
  return body.lengthBytes === 0 && !headers.some(([name]) => name.toLowerCase() === "content-length");
}

/** A length that stands there, but does not fit the body any more, gives way to the one that holds. */
function headersFor(reply: ResponseReply): HeaderList {
  const { lengthBytes } = reply.body;
  if (lengthBytes === null || lengthBytes === 0) return reply.headers;
  return reply.headers.filter(
    ([name, value]) => name.toLowerCase() !== "content-length" || value === String(lengthBytes),
  );
}

/**
 * The call could not be served. A reply that has begun can only be cut; a transparent client sees a reset. `resetCode`: how the
 * upstream has ended its stream, which the client sees as it would have done without us; null: it has not.
 */
async function answerFailure(
  error: unknown,
  resetCode: number | null,
  stream: LocalStream,
  deps: RichRoadDeps,
): Promise<void> {
  const { call } = stream;
  const code = error instanceof UnderstudyError ? error.code : null;
  if (stream.abort.signal.aborted) {
    call.fail("failed", "DC", "the client left before its reply was complete");
    return deps.reset(stream, errorCodes.cancel);
  }
  if (call.status !== 0) {
    if (code !== "body_cut" || call.outcome === "relayed") call.flag(call.flags.includes("FI") ? "FI" : "UC");
    return deps.reset(stream, resetCode ?? errorCodes.internal);
  }
  const upstreamFailed = code === "connect_failed" || code === "connect_timeout" || code === "body_cut";
  const flag = code === "connect_timeout" ? "UT" : code === "body_cut" ? "UC" : "UF";
  if (upstreamFailed) call.fail("failed", flag, messageOf(error));
  else call.fail("failed", "UPE", `the rule could not be carried out: ${messageOf(error)}`);
  if (upstreamFailed && resetCode !== null) return deps.reset(stream, resetCode);
  if (upstreamFailed && deps.connection.mode === "transparent")
    return deps.reset(stream, code === "body_cut" ? errorCodes.internal : errorCodes.refusedStream);
  const status =
    code === "connect_timeout" ? 504 : upstreamFailed ? 502 : code === "body_too_large" ? 413 : 500;
  const refusal = grpcRefusal(stream.head, status, call.detail) ?? failureReply(status, call.detail);
  await writeReply(refusal, stream, null, deps).catch(() => deps.reset(stream, errorCodes.internal));
}

/** Says in plain words what went wrong. */
export function failureReply(status: number, detail: string): ResponseReply {
  const { headers, text } = failureText(detail);
  return { kind: "response", status, reason: "", headers, body: bodyOf(text) };
}

/** What such a reply consists of. */
export function failureText(detail: string): { readonly headers: HeaderList; readonly text: Buffer } {
  return {
    headers: [["content-type", "text/plain; charset=utf-8"]],
    text: Buffer.from(`understudy: ${detail}\n`),
  };
}
