// A WebSocket that rules concern, between a downstream socket and a link: takes the place of the splice that joins the
// two where no rule does, and reports the connection in the same way.

import type { Connection } from "../../../core/connection.ts";
import type { Deadlined } from "../../../core/deadlines.ts";
import type { Exchange } from "../../../core/exchange.ts";
import type { MessageClaim, Traffic } from "../../../core/lane.ts";
import type { Link, LinkEnd, LinkEvents } from "../../../core/link.ts";
import type { Flag, MessageCounts } from "../../../core/tap.ts";
import type { SpliceEnd } from "../opaque/splice.ts";
import type { Deflate } from "./compression.ts";
import { MessageRelay } from "./message-relay.ts";
import { RuleHits } from "./rule-hits.ts";
import { SocketSide } from "./side.ts";

export interface SocketRelayOptions {
  readonly connection: Connection;
  readonly traffic: Traffic;
  readonly claim: MessageClaim;
  readonly deflate: Deflate | null;
  /** The upgrade request. */
  readonly exchange: Exchange;
  /** Called once when both ends are closed. */
  readonly ended: (end: SocketRelayEnd) => void;
}

export interface SocketRelayEnd extends SpliceEnd {
  readonly messages: MessageCounts;
}

export class SocketRelay implements LinkEvents, Deadlined {
  deadlineAt = 0;
  seat = -1;
  readonly #options: SocketRelayOptions;
  readonly #side: SocketSide;
  readonly #hits: RuleHits;
  #relay: MessageRelay | null = null;
  #link: Link | null = null;
  #upBytes = 0;
  #downBytes = 0;
  #downstreamEnded = false;
  #upstreamEnded = false;
  #finished = false;
  #flags: readonly Flag[] = [];
  #detail = "";

  constructor(options: SocketRelayOptions) {
    const { connection, traffic } = options;
    this.#options = options;
    this.#side = new SocketSide(connection, () => this.#link?.released());
    this.#hits = new RuleHits(connection, traffic);
    this.deadlineAt = traffic.clock.now() + traffic.settings.deadlines.opaqueIdleMs;
  }

  /** `first`: bytes of the downstream that were read before. */
  start(link: Link, first: Buffer | null): void {
    const { connection, traffic, claim, deflate, exchange } = this.#options;
    const { socket, inlet } = connection;
    this.#link = link;
    this.#relay = new MessageRelay({
      ...{ clock: traffic.clock, claim, deflate },
      exchange: { ...exchange, note: (text) => this.#note(text) },
      maxMessageBytes: traffic.settings.limits.maxRuleBodyBytes,
      downstream: this.#side,
      upstream: {
        write: (bytes) => link.write(bytes),
        end: () => link.end(),
        pause: () => link.pause(),
        resume: () => link.resume(),
        destroy: (reset) => this.#destroyLink(reset),
      },
      blame: (flag, detail) => this.#blame(flag, detail),
      hit: (rule) => this.#hits.add(rule),
    });
    traffic.deadlines.add(this);
    if (!inlet) socket.on("data", (chunk: Buffer) => this.#fromDownstream(chunk));
    socket.on("drain", () => this.#relay?.receiverDrained("toDownstream"));
    socket.on("end", () => this.#downstreamEnd());
    socket.on("error", (error) => this.#blame("DC", error.message));
    socket.on("close", () => this.#downstreamClosed());
    this.#relay.start();
    if (first) this.#fromDownstream(first);
    inlet?.direct((chunk) => {
      this.#fromDownstream(chunk);
      return !link.holdsBytes;
    });
    if (socket.readableEnded) this.#downstreamEnd();
    if (socket.destroyed) this.#downstreamClosed();
    else this.#relay.pace("toUpstream");
  }

  #fromDownstream(chunk: Buffer): void {
    this.#upBytes += chunk.length;
    this.#touch();
    this.#relay?.feed("toUpstream", chunk);
  }

  data(chunk: Buffer): boolean {
    this.#downBytes += chunk.length;
    this.#touch();
    this.#relay?.feed("toDownstream", chunk);
    return !this.#side.holdsBytes;
  }

  drain(): void {
    this.#relay?.receiverDrained("toUpstream");
  }

  end(): void {
    if (this.#upstreamEnded) return;
    this.#upstreamEnded = true;
    this.#relay?.senderEnded("toDownstream");
  }

  close(how: LinkEnd, detail: string): void {
    this.#link = null;
    const { socket } = this.#options.connection;
    if (how === "refused") this.#blame("UF", detail);
    else if (how === "timeout") this.#blame("UT", detail);
    else if (how === "reset") this.#blame("UC", detail);
    if (how !== "closed") socket.resetAndDestroy();
    else if (!this.#upstreamEnded) this.end();
    if (socket.destroyed) this.#finish();
  }

  expire(): void {
    this.#blame(
      "SI",
      `no byte in either direction for ${this.#options.traffic.settings.deadlines.opaqueIdleMs} ms`,
    );
    this.#options.connection.socket.destroy();
  }

  #downstreamEnd(): void {
    if (this.#downstreamEnded) return;
    this.#downstreamEnded = true;
    this.#relay?.senderEnded("toUpstream");
  }

  #downstreamClosed(): void {
    const orderly = this.#downstreamEnded && this.#upstreamEnded && this.#flags.length === 0;
    if (this.#link && !orderly) {
      if (this.#flags.length === 0) this.#blame("DC", "");
      this.#destroyLink(true);
    }
    if (!this.#link) this.#finish();
  }

  #destroyLink(reset: boolean): void {
    const link = this.#link;
    this.#link = null;
    link?.destroy(reset);
  }

  #touch(): void {
    const { traffic } = this.#options;
    this.deadlineAt = traffic.clock.now() + traffic.settings.deadlines.opaqueIdleMs;
  }

  #blame(flag: Flag, detail: string): void {
    if (this.#flags.length > 0) return;
    this.#flags = [flag];
    this.#note(detail);
  }

  #note(text: string): void {
    if (text !== "" && this.#detail.length < 1_000)
      this.#detail = this.#detail === "" ? text : `${this.#detail}; ${text}`;
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    const { traffic, claim, ended } = this.#options;
    traffic.deadlines.remove(this);
    this.#relay?.dispose();
    claim.release();
    const counts = this.#relay?.messages ?? { toUpstream: 0, toDownstream: 0 };
    ended({
      upBytes: this.#upBytes,
      downBytes: this.#downBytes,
      flags: this.#flags,
      detail: this.#detail,
      messages: { ...counts, ruleHits: this.#hits.total },
    });
  }
}
