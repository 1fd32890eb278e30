// The record of one call over HTTP, whatever its version, from its head to its end: what the tap is told.

import type { HostPort } from "../../core/address.ts";
import type { Connection } from "../../core/connection.ts";
import type { RequestHead } from "../../core/exchange.ts";
import type { Traffic } from "../../core/lane.ts";
import type { CallEvent, Flag, Outcome } from "../../core/tap.ts";

const noFlags: readonly Flag[] = [];
const maxRemarksChars = 1_000;

export abstract class CallRecord implements CallEvent {
  readonly kind = "call";
  readonly protocol: CallEvent["protocol"];
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
  #finished = false;

  constructor(
    protocol: CallEvent["protocol"],
    connection: Connection,
    head: RequestHead,
    traffic: Traffic,
    startedAt: number,
  ) {
    this.protocol = protocol;
    this.connectionId = connection.id;
    this.direction = connection.direction;
    this.upstream = connection.originalDestination;
    this.method = head.method;
    this.authority = head.authority;
    this.path = head.path;
    this.startedAtMs = traffic.clock.wallAt(startedAt);
    this.startedAt = startedAt;
  }

  flag(flag: Flag): void {
    if (!this.flags.includes(flag)) this.flags = [...this.flags, flag];
  }

  /** It is the upstream that answers, be it because the abort of its rule has ended before its turn. */
  goesOn(): void {
    if (this.outcome === "aborted") this.flags = this.flags.filter((flag) => flag !== "FI");
    this.outcome = "relayed";
  }

  /** Where a step leaves a remark for people. What is said once a message is said once; so much is kept of a long stream. */
  remark(text: string): void {
    if (this.detail.length > maxRemarksChars || this.detail.includes(text)) return;
    this.detail = this.detail === "" ? text : `${this.detail}; ${text}`;
  }

  /** The call failed for a reason of its own; the first reason stands, and what has been told. */
  fail(outcome: "failed" | "refused", flag: Flag, detail: string): void {
    if (this.#finished || this.outcome === "failed" || this.outcome === "refused") return;
    this.outcome = outcome;
    this.flag(flag);
    this.detail = detail;
  }

  /** Tells the tap, once. `now` on `clock.now()`. */
  finish(traffic: Traffic, now: number = traffic.clock.now()): void {
    if (this.#finished) return;
    this.#finished = true;
    this.durationMs = now - this.startedAt;
    this.ends();
    traffic.tap.observe(this);
  }

  /** Lets go of what only an open call needs. */
  protected abstract ends(): void;
}
