// The record of one HTTP/1 call, and where its response goes.

import type { Connection } from "../../../core/connection.ts";
import type { RequestHead } from "../../../core/exchange.ts";
import type { HeaderList } from "../../../core/headers.ts";
import type { Traffic } from "../../../core/lane.ts";
import type { Rule } from "../../../core/rule-set.ts";
import { CallRecord } from "../call-record.ts";
import type { UpgradeClaim } from "../websocket/upgrade.ts";
import type { Http2Ask } from "./h2c.ts";
import type { ResponseSink } from "./response-sink.ts";

const noFields: HeaderList = [];

export class Call extends CallRecord {
  /** The request asks to leave HTTP (Upgrade, CONNECT): a 101, or a 2xx to CONNECT, makes the connection a tunnel. */
  readonly mayUpgrade: boolean;
  /** Set where it asks to go on as HTTP/2. */
  asksHttp2: Http2Ask | null = null;
  /** CONNECT to a proxy upstream, as it came; null: it is none. */
  connectHead: Buffer | null = null;
  /** Where the response goes; null: straight to the downstream, byte for byte. */
  sink: ResponseSink | null = null;
  /** How the upstream of a claimed call broke off; null: it has not, or its FIN came behind the head of its response. */
  brokenBy: "fin" | "rst" | null = null;
  /** We have sent 100 Continue, so that a rule can look at the body: the upstream's own would be a second one. */
  saidContinue = false;
  /** True once the rich road has sent this call upstream. */
  upstreamUsed = false;
  /** Fields of the reply that made the connection a tunnel; kept only where `looksAtUpgrade`. */
  upgradeReply: HeaderList = noFields;
  #upgrade: UpgradeClaim | null = null;

  constructor(
    connection: Connection,
    head: RequestHead,
    traffic: Traffic,
    startedAt: number,
    mayUpgrade: boolean,
  ) {
    super("http/1", connection, head, traffic, startedAt);
    this.mayUpgrade = mayUpgrade;
  }

  /** Puts on record who claims it, and what becomes of it if all goes well. */
  claimedBy(rule: Rule): void {
    const { kind } = rule.terminal;
    this.rule = rule.spec.name;
    this.outcome = kind === "mock" ? "mocked" : kind === "abort" ? "aborted" : "relayed";
    if (kind === "abort") this.flag("FI");
  }

  /** Rules concern the messages of the WebSocket that it asks for. */
  concernMessages(upgrade: UpgradeClaim | null): void {
    this.#upgrade = upgrade;
  }

  /** It matters what the upstream says to the upgrade. */
  get looksAtUpgrade(): boolean {
    return this.#upgrade !== null || this.asksHttp2 !== null;
  }

  /** What those rules hold, which is the caller's from now on. */
  takeUpgrade(): UpgradeClaim | null {
    const upgrade = this.#upgrade;
    this.#upgrade = null;
    return upgrade;
  }

  protected override ends(): void {
    this.sink = null;
    if (this.status !== 101) this.takeUpgrade()?.claim.release();
  }
}
