// The lane of bytes that are not parsed: TLS that is not opened, HTTP/2, databases, anything. Its only job is to be
// invisible.

import type { Connection } from "../../../core/connection.ts";
import type { ConnectionClaim, Lane, Protocol, Session, Traffic } from "../../../core/lane.ts";
import type { OpaqueEvent, Outcome } from "../../../core/tap.ts";
import { serveFaulted } from "./faulted-splice.ts";
import { Splice, type SpliceEnd } from "./splice.ts";

/** `serverNameOf`: reads the SNI from the first bytes of a TLS connection. */
export function createOpaqueLane(serverNameOf: (first: Uint8Array) => string): Lane {
  return {
    protocols: ["opaque", "tls", "http/2"],
    serve: (connection, first, traffic, protocol) =>
      serveOpaque(
        connection,
        first,
        traffic,
        protocol,
        protocol === "tls" && first ? serverNameOf(first) : (connection.serverName ?? ""),
      ),
  };
}

function serveOpaque(
  connection: Connection,
  first: Buffer | null,
  traffic: Traffic,
  protocol: Protocol,
  serverName: string,
): Session {
  const upstream = connection.originalDestination;
  const startedAtMs = traffic.clock.wall();
  const startedAt = traffic.clock.now();
  const claim = upstream ? traffic.decideConnection(connection) : null;
  const report = (end: SpliceEnd) => {
    claim?.release();
    traffic.tap.observe({
      kind: "opaque",
      connectionId: connection.id,
      direction: connection.direction,
      protocol: nameOf(protocol),
      serverName,
      upstream,
      rule: claim?.rule ?? null,
      outcome: outcomeOf(end, claim),
      flags: end.flags,
      detail: end.detail,
      startedAtMs,
      durationMs: traffic.clock.now() - startedAt,
      upBytes: end.upBytes,
      downBytes: end.downBytes,
    });
  };
  if (!upstream) {
    connection.socket.resetAndDestroy();
    report({ upBytes: 0, downBytes: 0, flags: ["UF"], detail: "the connection names no destination" });
    return { drain: () => undefined };
  }
  if (claim) {
    void serveFaulted(connection, upstream, first, claim, traffic).then(report);
    return { drain: () => undefined };
  }
  const splice = new Splice(connection, traffic, report);
  const dial = connection.dial ?? traffic.dial;
  splice.start(dial(upstream, splice), first);
  // A stream without messages has no good moment to stop: it lasts until its peers end it, or the drain deadline does.
  return { drain: () => undefined };
}

function outcomeOf(end: SpliceEnd, claim: ConnectionClaim | null): Outcome {
  if (end.flags.includes("UF") || end.flags.includes("UT")) return "failed";
  return claim?.fault.kind === "abort" ? "aborted" : "relayed";
}

function nameOf(protocol: Protocol): OpaqueEvent["protocol"] {
  return protocol === "tls" || protocol === "http/2" ? protocol : "tcp";
}
