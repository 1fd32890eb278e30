// The rich road: one claimed call, from the exchange over effects and terminal to the reply written downstream. The
// session runs it while nothing else is in flight on the connection, so order is kept.

import type { HostPort } from "../../../core/address.ts";
import { bodyOf } from "../../../core/body.ts";
import type { Connection } from "../../../core/connection.ts";
import { messageOf, UnderstudyError } from "../../../core/errors.ts";
import type { Exchange, Reply, RequestHead, SocketReply } from "../../../core/exchange.ts";
import { type HeaderList, headerValue } from "../../../core/headers.ts";
import type { Claim, Traffic } from "../../../core/lane.ts";
import type { Link, LinkEvents } from "../../../core/link.ts";
import type { Flag } from "../../../core/tap.ts";
import type { BodyPipe } from "../body-pipe.ts";
import { grpcRefusal } from "../dialects/grpc/refusal.ts";
import { grpcStatusIn } from "../dialects/grpc/status.ts";
import { mockedEnd } from "../websocket/mocked-end.ts";
import { keptExchange } from "../websocket/upgrade.ts";
import type { Call } from "./call.ts";
import type { DrainWaiters } from "./drain-waiters.ts";
import { encodeChunk, encodeLastChunk, encodeResponseHead } from "./encode.ts";
import { failureReply } from "./failure.ts";
import { frameReply } from "./reply-framing.ts";
import { relayRich } from "./rich-relay.ts";
import type { Upload } from "./upload.ts";
import type { UpstreamHalf } from "./upstream-half.ts";

/** What the session lends the road for one call. */
export interface RichCall {
  readonly claim: Claim;
  readonly call: Call;
  readonly head: RequestHead;
  readonly minorVersion: 0 | 1;
  /** Length of the request body by its framing; null for chunked. */
  readonly bodyBytes: number | null;
  readonly body: BodyPipe;
  readonly bodyBegun: Promise<void>;
  /** The client wants to keep the connection, and it can be kept. */
  readonly keepAlive: boolean;
}

export interface RichRoadDeps {
  readonly connection: Connection;
  readonly traffic: Traffic;
  readonly half: UpstreamHalf;
  /** Writes downstream; resolves when more may be written, rejects when the downstream is gone. */
  readonly write: (bytes: Uint8Array) => Promise<void> | undefined;
  /** The connection becomes a tunnel to what `open` gives. */
  readonly tunnelTo: (open: (events: LinkEvents) => Link) => void;
  /** An interim response (1xx) on its way to the downstream. */
  readonly interim: (status: number, headers: HeaderList) => void;
  /** The reply is written to its end; the request may still be on its way upstream. */
  readonly replied: () => void;
  /** Woken when the link can take more, and when it has ended. */
  readonly linkDrain: DrainWaiters;
}

/** What becomes of the connection after the call. */
export type AfterCall = "next" | "close" | "reset" | "tunnel";

/** Serves one claimed call to its end; never rejects. */
export async function serveRich(rich: RichCall, deps: RichRoadDeps): Promise<AfterCall> {
  const { call, claim } = rich;
  const { rule } = claim;
  call.claimedBy(rule);
  for (const effect of rule.effects) if (effect.fault) call.flag(effect.kind === "delay" ? "DI" : "FI");
  const sent: { upload: Upload | null } = { upload: null };
  try {
    const reply = await claim.serve(exchangeOf(rich, deps), (exchange) =>
      relayRich(exchange, destinationOf(exchange, deps), {
        half: deps.half,
        call,
        interim: deps.interim,
        linkDrain: deps.linkDrain,
        bodyBegun: rich.bodyBegun,
        sends: (upload) => {
          sent.upload = upload;
        },
      }),
    );
    const after = await writeReply(reply, rich, deps);
    return await behindUpload(after, sent.upload, call, deps);
  } catch (error) {
    return await answerFailure(error, rich, deps);
  } finally {
    sent.upload?.stop();
    deps.half.abandon(call);
    claim.release();
  }
}

/**
 * An upstream that has answered early may go on reading: what follows on the link waits for the end of the upload, and so
 * does our close (RFC 9112 §9.3.2, §9.6). A link that ends, or that nobody can use any more, ends the upload.
 */
async function behindUpload(
  after: AfterCall,
  upload: Upload | null,
  call: Call,
  deps: RichRoadDeps,
): Promise<AfterCall> {
  const goesOn = (after === "next" || after === "close") && deps.half.current !== call;
  if (!upload || !goesOn) return after;
  deps.replied();
  await upload.ended;
  return after;
}

function exchangeOf(rich: RichCall, deps: RichRoadDeps): Exchange {
  const { connection } = deps;
  return {
    id: `${connection.id}-${Math.round(rich.call.startedAt)}`,
    connection,
    head: rich.head,
    body: rich.body.body(rich.bodyBytes),
    signal: connection.signal,
    note: (text) => rich.call.remark(text),
  };
}

function destinationOf(exchange: Exchange, deps: RichRoadDeps): HostPort {
  const upstream = deps.connection.originalDestination ?? deps.traffic.destinationOf(exchange.head.authority);
  if (upstream) return upstream;
  throw new UnderstudyError("connect_failed", `"${exchange.head.authority}" names no host to relay to`);
}

async function writeReply(reply: Reply, rich: RichCall, deps: RichRoadDeps): Promise<AfterCall> {
  if (reply.kind === "sever") return reply.how === "fin" ? "close" : "reset";
  if (reply.kind === "websocket") return writeSocketReply(reply, rich, deps);
  const { call } = rich;
  const framing = frameReply(reply, call.method, rich.minorVersion);
  const closing =
    framing.untilClose || !rich.keepAlive || saysClose(framing.headers) || deps.traffic.isDraining();
  const headers = withConnection(
    withDate(framing.headers, rich, deps),
    closing,
    rich.minorVersion,
    reply.status,
  );
  const head = encodeResponseHead(reply.status, reply.reason, headers);
  call.status = reply.status; // from here on a failure can only cut it
  call.grpcStatus = grpcStatusIn(reply.headers);
  await count(deps, call, head);
  if (reply.status === 101) return "tunnel";
  if (framing.body === "none") return closing ? "close" : "next";
  for await (const chunk of reply.body.chunks()) {
    if (chunk.length === 0) continue;
    await count(deps, call, framing.body === "chunked" ? encodeChunk(chunk) : chunk);
  }
  if (framing.untilClose) deps.connection.socket.end(); // whatever is still to come of the request
  call.grpcStatus ??= grpcStatusIn(reply.body.trailers());
  if (framing.body === "chunked") await count(deps, call, encodeLastChunk(reply.body.trailers()));
  return closing ? "close" : "next";
}

/** The handshake of a WebSocket that a rule answers. */
async function writeSocketReply(reply: SocketReply, rich: RichCall, deps: RichRoadDeps): Promise<AfterCall> {
  const { call } = rich;
  const exchange = keptExchange(rich.head, deps.connection);
  const { note } = exchangeOf(rich, deps);
  const mocked = mockedEnd(
    reply,
    note ? { ...exchange, note } : exchange,
    deps.traffic.settings.limits.maxRuleBodyBytes,
  );
  const { status, headers, body, open } = mocked;
  if (!open)
    return writeReply({ kind: "response", status, reason: "", headers, body: bodyOf(body) }, rich, deps);
  call.status = status;
  call.upgradeReply = headers;
  await count(deps, call, encodeResponseHead(status, "", headers));
  deps.tunnelTo(open);
  return "tunnel";
}

function count(deps: RichRoadDeps, call: Call, bytes: Uint8Array): Promise<void> | undefined {
  call.responseBytes += bytes.length;
  return deps.write(bytes);
}

function saysClose(headers: HeaderList): boolean {
  return /(?:^|,)\s*close\s*(?:,|$)/i.test(headerValue(headers, "connection") ?? "");
}

/** RFC 9110 §6.6.1: an origin server with a clock sends Date; a relayed reply keeps what its origin said. */
function withDate(headers: HeaderList, rich: RichCall, deps: RichRoadDeps): HeaderList {
  if (rich.call.sink !== null || headerValue(headers, "date") !== undefined) return headers;
  if (rich.claim.rule.terminal.kind === "relay") return headers;
  return [...headers, ["Date", new Date(deps.traffic.clock.wall()).toUTCString()]];
}

/** RFC 9112 §9.6: who will close says so; §9.3: HTTP/1.0 clients hear that the connection stays. */
function withConnection(
  headers: HeaderList,
  closing: boolean,
  minorVersion: 0 | 1,
  status: number,
): HeaderList {
  if (status === 101 || headerValue(headers, "connection") !== undefined) return headers;
  if (closing) return [...headers, ["Connection", "close"]];
  return minorVersion === 0 ? [...headers, ["Connection", "keep-alive"]] : headers;
}

/** The call could not be served. A reply that has begun can only be cut; a transparent client sees a reset. */
async function answerFailure(error: unknown, rich: RichCall, deps: RichRoadDeps): Promise<AfterCall> {
  const { call } = rich;
  const code = error instanceof UnderstudyError ? error.code : null;
  if (deps.connection.socket.destroyed) {
    call.fail("failed", "DC", "the client left before its reply was complete");
    return "reset";
  }
  if (call.status !== 0) {
    if (code !== "body_cut" || call.outcome === "relayed") call.flag(call.flags.includes("FI") ? "FI" : "UC");
    // To HTTP/1.0 a FIN may be the end of a whole body (RFC 9112 §8).
    return rich.minorVersion === 0 ? "reset" : "close";
  }
  const flag = flagOf(code, call);
  const peerFailed = flag !== "UPE";
  call.fail(
    "failed",
    flag,
    peerFailed ? messageOf(error) : `the rule could not be carried out: ${messageOf(error)}`,
  );
  if (peerFailed && deps.connection.mode === "transparent") return "reset";
  const status = statusOf(code, peerFailed);
  const after = await writeReply(
    grpcRefusal(rich.head, status, call.detail) ?? failureReply(status, call.detail),
    { ...rich, keepAlive: false },
    deps,
  ).catch(() => "reset" as const);
  return after === "next" ? "close" : after;
}

/** Whose failure it is. A body that ends early is that of the client's request where nobody else was asked. */
function flagOf(code: string | null, call: Call): Flag {
  if (code === "connect_timeout") return "UT";
  if (code === "connect_failed") return "UF";
  if (code === "body_cut") return call.upstreamUsed ? "UC" : "DC";
  return "UPE";
}

function statusOf(code: string | null, peerFailed: boolean): number {
  if (code === "connect_timeout" || code === "timeout") return 504;
  if (peerFailed) return 502;
  return code === "body_too_large" ? 413 : 500;
}
