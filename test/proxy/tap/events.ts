// Events as the data plane would emit them, for the tests of the taps.

import type { CallEvent, OpaqueEvent, TapEvent } from "../../../src/core/tap.ts";

/** A relayed call of 3 ms, with whatever the test cares about put on top. */
export function call(change: Partial<CallEvent> = {}): CallEvent {
  return {
    kind: "call",
    connectionId: "c1",
    direction: "outbound",
    protocol: "http/1",
    method: "GET",
    authority: "inventory.shop",
    path: "/items",
    upstream: { host: "10.0.0.7", port: 8080 },
    status: 200,
    rule: null,
    outcome: "relayed",
    flags: [],
    detail: "",
    startedAtMs: Date.parse("2026-01-01T00:00:00Z"),
    durationMs: 3,
    requestBytes: 100,
    responseBytes: 400,
    ...change,
  };
}

/** A relayed TLS connection of 2 s. */
export function opaque(change: Partial<OpaqueEvent> = {}): OpaqueEvent {
  return {
    kind: "opaque",
    connectionId: "c2",
    direction: "outbound",
    protocol: "tls",
    serverName: "api.shop",
    upstream: { host: "10.0.0.9", port: 443 },
    rule: null,
    outcome: "relayed",
    flags: [],
    detail: "",
    startedAtMs: Date.parse("2026-01-01T00:00:00Z"),
    durationMs: 2_000,
    upBytes: 517,
    downBytes: 1_572_864,
    ...change,
  };
}

/** What opens, closes or times out. */
export function connectionEvent(
  kind: "connection-opened" | "connection-closed" | "detection-timeout",
  direction: "inbound" | "outbound" = "outbound",
): TapEvent {
  const downstream = { host: "127.0.0.1", port: 40_000 };
  return { kind, connection: { id: "c1", direction, downstream, originalDestination: null } };
}
