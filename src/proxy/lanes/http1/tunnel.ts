// What remains of an HTTP/1 connection after 101 or a 2xx to CONNECT: HTTP/2 where that was agreed on, or whatever a tunnel through a
// proxy carries, where rules may concern it; a relay of messages where a rule concerns the WebSocket that it has become; else a
// splice. The latter two are reported as an upgraded connection.

import type { Connection } from "../../../core/connection.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Link, LinkEvents } from "../../../core/link.ts";
import { dialNowhere } from "../../../core/no-link.ts";
import type { OpaqueEvent } from "../../../core/tap.ts";
import { UpgradedConnection } from "../http2/upgraded-connection.ts";
import { Splice, type SpliceEnd } from "../opaque/splice.ts";
import { SocketRelay } from "../websocket/socket-relay.ts";
import { agreedCompression } from "../websocket/upgrade.ts";
import type { Call } from "./call.ts";
import { agreesOnHttp2 } from "./h2c.ts";
import { ProxyTunnel } from "./proxy-tunnel.ts";

/** What takes the link's events over. The caller starts it. */
export interface Tunnel extends LinkEvents {
  /** `first`: bytes of the downstream that were read before. */
  start(link: Link, first: Buffer | null): void;
  /** Finish what is open, accept nothing new, then close; left out where nobody can tell what is open. */
  drainConnection?(): void;
}

/** Ends the record of the call, but where its response is still to come, or what it has opened speaks for itself. */
export function openTunnel(connection: Connection, traffic: Traffic, call: Call): Tunnel {
  const http2 = upgradedToHttp2(connection, traffic, call);
  if (http2) return http2;
  const inside = insideProxy(connection, traffic, call);
  if (inside) return inside; // what is in it is told of
  call.finish(traffic);
  const startedAtMs = traffic.clock.wall();
  const startedAt = traffic.clock.now();
  const report = (end: SpliceEnd & Pick<OpaqueEvent, "messages">) =>
    traffic.tap.observe({
      kind: "opaque",
      connectionId: connection.id,
      direction: connection.direction,
      protocol: "upgraded",
      serverName: "",
      upstream: call.upstream,
      rule: call.rule,
      outcome: call.outcome === "mocked" ? "mocked" : "relayed",
      flags: end.flags,
      detail: end.detail,
      startedAtMs,
      durationMs: traffic.clock.now() - startedAt,
      upBytes: end.upBytes,
      downBytes: end.downBytes,
      ...(end.messages ? { messages: end.messages } : {}),
    });
  const upgrade = call.takeUpgrade();
  if (!upgrade) return new Splice(connection, traffic, report);
  const deflate = agreedCompression(call.upgradeReply);
  if (deflate !== "unknown")
    return new SocketRelay({ connection, traffic, ...upgrade, deflate, ended: report });
  upgrade.claim.release();
  const detail = "an unknown extension was agreed on, so no rule could look at its messages";
  return new Splice(connection, traffic, (end) => report({ ...end, detail: end.detail || detail }));
}

/** null: it is no such tunnel, or no rule can claim a call in it. */
function insideProxy(connection: Connection, traffic: Traffic, call: Call): Tunnel | null {
  const { connectHead: head, upstream: proxy } = call;
  // TLS within TLS that we have opened is somebody else's affair.
  if (!head || !proxy || call.sink || connection.transport !== undefined) return null;
  const destination = traffic.destinationOf(call.authority);
  if (!destination) return null;
  const request = { proxy, dial: connection.dial ?? traffic.dial, head };
  const tunnel = new ProxyTunnel(connection, destination, request, traffic);
  return traffic.mayClaim(tunnel.inner) ? tunnel : null;
}

/**
 * The connection in a tunnel that its proxy does not open, where rules name the host and can answer for it: they need no
 * upstream, and the client knows of none. null: there are none. `why`: what is said to everything else in it.
 */
export function insideNowhere(
  connection: Connection,
  traffic: Traffic,
  call: Call,
  why: string,
): Connection | null {
  const { direction, transport } = connection;
  if (!call.connectHead || call.sink || direction !== "outbound" || transport !== undefined) return null;
  const destination = traffic.destinationOf(call.authority);
  if (!destination || !traffic.answersHost(destination.host.toLowerCase())) return null;
  return connection.tunnelTo(destination, { dial: dialNowhere(why), nowhere: why });
}

/** null: it was not agreed on, or no rule can claim a call on the connection. */
function upgradedToHttp2(connection: Connection, traffic: Traffic, call: Call): Tunnel | null {
  const { asksHttp2, upstream, sink } = call;
  if (!asksHttp2 || !upstream || sink || !agreesOnHttp2(call.upgradeReply)) return null;
  const known = connection.originalDestination ? connection : connection.tunnelTo(upstream);
  if (!traffic.mayClaim(known)) return null;
  call.takeUpgrade()?.claim.release();
  const { method, authority, path, startedAt, requestBytes } = call;
  return new UpgradedConnection(known, traffic, {
    ...{ method, authority, path, startedAt, requestBytes },
    ...asksHttp2,
  });
}
