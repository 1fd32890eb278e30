// The record of one call, from its head to its end: what the tap is told.

import type { HostPort } from "../../../core/address.ts";
import type { Connection } from "../../../core/connection.ts";
import type { RequestHead } from "../../../core/exchange.ts";
import type { HeaderList } from "../../../core/headers.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { CallEvent, Flag, Outcome } from "../../../core/tap.ts";
import type { UpgradeClaim } from "../websocket/upgrade.ts";
import type { ResponseSink } from "./response-sink.ts";

const noFlags: readonly Flag[] = [];
const noFields: HeaderList = [];

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
  /** Fields of the reply that made the connection a tunnel; kept only where a rule concerns its messages. */
  upgradeReply: HeaderList = noFields;
  #upgrade: UpgradeClaim | null = null;
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

  /** Rules concern the messages of the WebSocket that it asks for. */
  concernMessages(upgrade: UpgradeClaim | null): void {
    this.#upgrade = upgrade;
  }

  get concernsMessages(): boolean {
    return this.#upgrade !== null;
  }

  /** What those rules hold, which is the caller's from now on. */
  takeUpgrade(): UpgradeClaim | null {
    const upgrade = this.#upgrade;
    this.#upgrade = null;
    return upgrade;
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
    if (this.status !== 101) this.takeUpgrade()?.claim.release();
    traffic.tap.observe(this);
  }
}
