// The lane of bytes that are not parsed: TLS that is not opened, HTTP/2, databases, anything. Its only job is to be
// invisible.

import type { Connection } from "../../../core/connection.ts";
import type { ConnectionClaim, Lane, Protocol, Session, Traffic } from "../../../core/lane.ts";
import type { OpaqueEvent, Outcome } from "../../../core/tap.ts";
import { serveFaulted } from "./faulted-connection.ts";
import { type FirstWord, Splice, type SpliceEnd } from "./splice.ts";

export interface OpaqueLaneDeps {
  /** Reads the SNI from the first bytes of a TLS connection. */
  readonly serverNameOf: (first: Uint8Array) => string;
  /** First bytes → protocol, for clients that find their words late. */
  readonly detect: (first: Uint8Array) => Protocol | "need-more";
}

export function createOpaqueLane({ serverNameOf, detect }: OpaqueLaneDeps): Lane {
  return {
    protocols: ["opaque", "tls", "http/2", "silent"],
    serve: (connection, first, traffic, protocol) =>
      serveOpaque(
        connection,
        first,
        traffic,
        protocol,
        protocol === "tls" && first ? serverNameOf(first) : (connection.serverName ?? ""),
        protocol === "silent" ? listener(connection, traffic, detect) : null,
      ),
  };
}

/**
 * A client may open a connection long before it needs it (browsers do, Go's transport does), or be slow to begin. Where it
 * speaks before the server has, its words tell the protocol as they would have told it in time.
 */
function listener(connection: Connection, traffic: Traffic, detect: OpaqueLaneDeps["detect"]): FirstWord {
  return (first) => {
    const protocol = detect(first);
    if (protocol === "opaque") return null;
    const kept = Buffer.from(first);
    return () => traffic.route(connection, kept, protocol === "need-more" ? null : protocol);
  };
}

function serveOpaque(
  connection: Connection,
  first: Buffer | null,
  traffic: Traffic,
  protocol: Protocol,
  serverName: string,
  firstWord: FirstWord | null,
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
  splice.start(dial(upstream, splice), first, firstWord);
  // A stream without messages has no good moment to stop: it lasts until its peers end it, or the drain deadline does.
  return { drain: () => undefined };
}

function outcomeOf(end: SpliceEnd, claim: ConnectionClaim | null): Outcome {
  if (end.flags.includes("UF") || end.flags.includes("UT")) return "failed";
  return claim?.fault.kind === "abort" && !end.spared ? "aborted" : "relayed";
}

function nameOf(protocol: Protocol): OpaqueEvent["protocol"] {
  return protocol === "tls" || protocol === "http/2" ? protocol : "tcp";
}
