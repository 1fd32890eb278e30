// What remains of an HTTP/1 connection after 101 or a 2xx to CONNECT: a splice, reported as an upgraded connection.

import type { Connection } from "../../../core/connection.ts";
import type { Traffic } from "../../../core/lane.ts";
import { Splice } from "../opaque/splice.ts";
import type { Call } from "./call.ts";

/** The splice that takes the link's events over. The caller starts it. */
export function openTunnel(connection: Connection, traffic: Traffic, call: Call): Splice {
  const startedAtMs = traffic.clock.wall();
  const startedAt = traffic.clock.now();
  return new Splice(connection, traffic, (end) =>
    traffic.tap.observe({
      kind: "opaque",
      connectionId: connection.id,
      direction: connection.direction,
      protocol: "upgraded",
      serverName: "",
      upstream: call.upstream,
      rule: call.rule,
      outcome: "relayed",
      flags: end.flags,
      detail: end.detail,
      startedAtMs,
      durationMs: traffic.clock.now() - startedAt,
      upBytes: end.upBytes,
      downBytes: end.downBytes,
    }),
  );
}
