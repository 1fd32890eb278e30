// Writes the reply to a claimed call downstream, under backpressure: head, body and trailers in the framing that the client
// understands, and whether the connection stays.

import { bodyOf } from "../../../core/body.ts";
import type { Reply, SocketReply } from "../../../core/exchange.ts";
import { type HeaderList, headerValue } from "../../../core/headers.ts";
import { grpcStatusIn } from "../dialects/grpc/status.ts";
import { mockedEnd } from "../websocket/mocked-end.ts";
import { keptExchange } from "../websocket/upgrade.ts";
import type { Call } from "./call.ts";
import { encodeChunk, encodeLastChunk, encodeResponseHead } from "./encode.ts";
import { frameReply, opensTunnel, saysClose } from "./reply-framing.ts";
import type { AfterCall, RichCall, RichRoadDeps } from "./rich-call.ts";

/** Of a body at once: a client that takes some of it is seen to, and what it does not take is not copied. */
export const largestWriteBytes = 262_144;

/** Writes a reply to its end. Rejects where it breaks off, where it cannot be written, and where the client has left. */
export async function writeReply(reply: Reply, rich: RichCall, deps: RichRoadDeps): Promise<AfterCall> {
  if (reply.kind === "sever") return reply.how === "fin" ? "close" : "reset";
  if (reply.kind === "websocket") return writeSocketReply(reply, rich, deps);
  const { call } = rich;
  const framing = frameReply(reply, call.method, rich.minorVersion);
  const closing =
    framing.untilClose || !rich.keepAlive || saysClose(framing.headers) || deps.traffic.isDraining();
  const dated = withDate(framing.headers, rich, deps);
  // A mock has nobody to tunnel to: HTTP goes on behind it.
  const tunnels = opensTunnel(call.method, reply.status) && call.upstreamUsed;
  const headers = tunnels ? dated : withConnection(dated, closing, rich.minorVersion);
  const head = encodeResponseHead(reply.status, reply.reason, headers);
  call.status = reply.status; // from here on a failure can only cut it
  call.grpcStatus = grpcStatusIn(reply.headers);
  await count(deps, call, head);
  if (tunnels) return "tunnel";
  if (framing.body === "none") return closing ? "close" : "next";
  for await (const chunk of reply.body.chunks())
    for (let at = 0; at < chunk.length; at += largestWriteBytes) {
      const part = chunk.subarray(at, at + largestWriteBytes);
      await count(deps, call, framing.body === "chunked" ? encodeChunk(part) : part);
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
  const mocked = mockedEnd(
    reply,
    { ...exchange, note: (text) => call.remark(text) },
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

/** RFC 9110 §6.6.1: an origin server with a clock sends Date; a relayed reply keeps what its origin said. */
function withDate(headers: HeaderList, rich: RichCall, deps: RichRoadDeps): HeaderList {
  if (rich.call.sink !== null || headerValue(headers, "date") !== undefined) return headers;
  if (rich.claim.rule.terminal.kind === "relay") return headers;
  return [...headers, ["Date", new Date(deps.traffic.clock.wall()).toUTCString()]];
}

/** RFC 9112 §9.6: who will close says so; §9.3: HTTP/1.0 clients hear that the connection stays. */
function withConnection(headers: HeaderList, closing: boolean, minorVersion: 0 | 1): HeaderList {
  if (headerValue(headers, "connection") !== undefined) return headers;
  if (closing) return [...headers, ["Connection", "close"]];
  return minorVersion === 0 ? [...headers, ["Connection", "keep-alive"]] : headers;
}
