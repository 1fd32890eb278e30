// What remains of an HTTP/1 connection after 101 or a 2xx to CONNECT: a splice, or a relay of messages where a rule
// concerns the WebSocket that it has become. Either is reported as an upgraded connection.

import type { Connection } from "../../../core/connection.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Link, LinkEvents } from "../../../core/link.ts";
import type { OpaqueEvent } from "../../../core/tap.ts";
import { Splice, type SpliceEnd } from "../opaque/splice.ts";
import { SocketRelay } from "../websocket/socket-relay.ts";
import { agreedCompression } from "../websocket/upgrade.ts";
import type { Call } from "./call.ts";

/** What takes the link's events over. The caller starts it. */
export interface Tunnel extends LinkEvents {
  /** `first`: bytes of the downstream that were read before. */
  start(link: Link, first: Buffer | null): void;
}

export function openTunnel(connection: Connection, traffic: Traffic, call: Call): Tunnel {
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
