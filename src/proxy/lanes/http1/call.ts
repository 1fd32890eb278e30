// The record of one call, from its head to its end: what the tap is told.

import type { HostPort } from "../../../core/address.ts";
import type { Connection } from "../../../core/connection.ts";
import type { RequestHead } from "../../../core/exchange.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { CallEvent, Flag, Outcome } from "../../../core/tap.ts";
import type { ResponseSink } from "./response-sink.ts";

const noFlags: readonly Flag[] = [];

export class Call implements CallEvent {
  readonly kind = "call";
  readonly protocol = "http/1";
  readonly connectionId: string;
  readonly direction: CallEvent["direction"];
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly startedAtMs: number;
  upstream: HostPort | null;
  status = 0;
  grpcStatus: number | null = null;
  rule: string | null = null;
  outcome: Outcome = "relayed";
  flags: readonly Flag[] = noFlags;
  detail = "";
  durationMs = 0;
  requestBytes = 0;
  responseBytes = 0;
  /** On `clock.now()`. */
  readonly startedAt: number;
  /** The request asks to leave HTTP (Upgrade, CONNECT): a 101, or a 2xx to CONNECT, makes the connection a tunnel. */
  readonly mayUpgrade: boolean;
  /** Where the response goes; null: straight to the downstream, byte for byte. */
  sink: ResponseSink | null = null;
  /** True once the rich road has sent this call upstream. */
  upstreamUsed = false;
  #finished = false;

  constructor(
    connection: Connection,
    head: RequestHead,
    traffic: Traffic,
    startedAt: number,
    mayUpgrade: boolean,
  ) {
    this.connectionId = connection.id;
    this.direction = connection.direction;
    this.upstream = connection.originalDestination;
    this.method = head.method;
    this.authority = head.authority;
    this.path = head.path;
    this.startedAtMs = traffic.clock.wallAt(startedAt);
    this.startedAt = startedAt;
    this.mayUpgrade = mayUpgrade;
  }

  flag(flag: Flag): void {
    if (!this.flags.includes(flag)) this.flags = [...this.flags, flag];
  }

  /** The call failed for a reason of its own; the first reason stands. */
  fail(outcome: "failed" | "refused", flag: Flag, detail: string): void {
    if (this.outcome === "failed" || this.outcome === "refused") return;
    this.outcome = outcome;
    this.flag(flag);
    this.detail = detail;
  }

  /** Tells the tap, once. */
  finish(traffic: Traffic, now: number): void {
    if (this.#finished) return;
    this.#finished = true;
    this.durationMs = now - this.startedAt;
    this.sink = null;
    traffic.tap.observe(this);
  }
}
