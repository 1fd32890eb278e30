// What remains of an HTTP/1 connection after 101 or a 2xx to CONNECT: HTTP/2 where that was agreed on and rules may concern
// it, a relay of messages where a rule concerns the WebSocket that it has become, else a splice. The latter two are reported
// as an upgraded connection.

import type { Connection } from "../../../core/connection.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Link, LinkEvents } from "../../../core/link.ts";
import type { OpaqueEvent } from "../../../core/tap.ts";
import { UpgradedConnection } from "../http2/upgraded-connection.ts";
import { Splice, type SpliceEnd } from "../opaque/splice.ts";
import { SocketRelay } from "../websocket/socket-relay.ts";
import { agreedCompression } from "../websocket/upgrade.ts";
import type { Call } from "./call.ts";
import { agreesOnHttp2 } from "./h2c.ts";

/** What takes the link's events over. The caller starts it. */
export interface Tunnel extends LinkEvents {
  /** `first`: bytes of the downstream that were read before. */
  start(link: Link, first: Buffer | null): void;
  /** Finish what is open, accept nothing new, then close; left out where nobody can tell what is open. */
  drainConnection?(): void;
}

/** Ends the record of the call, but where its response is still to come. */
export function openTunnel(connection: Connection, traffic: Traffic, call: Call): Tunnel {
  const http2 = upgradedToHttp2(connection, traffic, call);
  if (http2) return http2;
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
