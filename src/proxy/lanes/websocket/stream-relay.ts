// A WebSocket on one HTTP/2 stream (RFC 8441): its frames are the bytes of two bodies. Each end is a body that comes and a
// pipe that goes; between them stands the same relay as between two sockets.
//
//   request body ──► relay ──► request body upstream, or the end that a rule answers
//   reply body   ◄── relay ◄── reply body of the upstream

import { bodyOf } from "../../../core/body.ts";
import type { Connection } from "../../../core/connection.ts";
import type { Body, Exchange, Reply, ResponseReply, SocketReply } from "../../../core/exchange.ts";
import type { HeaderList } from "../../../core/headers.ts";
import type { MessageClaim, Traffic } from "../../../core/lane.ts";
import type { Link } from "../../../core/link.ts";
import type { Way } from "../../../core/rule-websocket.ts";
import type { Flag, MessageCounts } from "../../../core/tap.ts";
import { MessageRelay } from "./message-relay.ts";
import { mockedEnd } from "./mocked-end.ts";
import { PipedSide } from "./piped-side.ts";
import { RuleHits } from "./rule-hits.ts";
import type { Side } from "./side.ts";
import { agreedCompression } from "./upgrade.ts";

export interface StreamRelayDeps {
  readonly connection: Connection;
  readonly traffic: Traffic;
  /** Rules on the messages; null: none. */
  readonly claim: MessageClaim | null;
  /** The request, in a copy that stays, with its own body beside it. */
  readonly exchange: Exchange;
  readonly body: Body;
  blame(flag: Flag, detail: string): void;
}

const noRules: MessageClaim = { rules: [], release: () => undefined };

export class StreamRelay {
  readonly #deps: StreamRelayDeps;
  readonly #hits: RuleHits;
  readonly #upstream = this.#side("toUpstream");
  readonly #downstream = this.#side("toDownstream");
  readonly #over = Promise.withResolvers<void>();
  /** Bodies that are being read. */
  #reading = 0;
  #relay: MessageRelay | null = null;
  /** To the end that a rule answers. */
  #mocked: Link | null = null;

  constructor(deps: StreamRelayDeps) {
    this.#deps = deps;
    this.#hits = new RuleHits(deps.connection, deps.traffic);
  }

  /** null: nobody looked. */
  get messages(): MessageCounts | null {
    return this.#relay && { ...this.#relay.messages, ruleHits: this.#hits.total };
  }

  /** The exchange as it goes upstream: its body waits for what the relay lets through. */
  outgoing({ id, connection, head, signal, note }: Exchange): Exchange {
    const exchange = { id, connection, head, signal, body: this.#upstream.body() };
    return note ? { ...exchange, note } : exchange;
  }

  /** The upstream's reply: the WebSocket begins where it is granted. */
  incoming(reply: Reply): Reply {
    if (reply.kind !== "response" || reply.status < 200 || reply.status > 299) {
      this.#upstream.end();
      this.#over.resolve();
      return reply;
    }
    const agreed = agreedCompression(reply.headers);
    if (agreed === "unknown") return this.#unread(reply);
    const relay = this.#join(this.#deps.claim, agreed, this.#upstream);
    void this.#pump(reply.body, "toDownstream", relay, this.#upstream);
    return { ...plain(reply), body: this.#downstream.body() };
  }

  /** The reply of a WebSocket that a rule answers. */
  answer(reply: SocketReply): ResponseReply {
    const { traffic, exchange, claim } = this.#deps;
    const mocked = mockedEnd(reply, exchange, traffic.settings.limits.maxRuleBodyBytes);
    const { status, headers, body, open } = mocked;
    const response = { kind: "response", status, reason: "", headers } as const;
    if (!open) return { ...response, body: bodyOf(body) };
    const link = open({
      data: (chunk) => {
        this.#relay?.feed("toDownstream", chunk);
        return true;
      },
      drain: () => this.#relay?.receiverDrained("toUpstream"),
      end: () => this.#relay?.senderEnded("toDownstream"),
      close: (how) => {
        if (how === "closed") this.#relay?.senderEnded("toDownstream");
        else this.#downstream.destroy();
      },
    });
    this.#mocked = link;
    this.#join(claim, agreedCompression(headers), link);
    link.resume();
    // RFC 8441 §5.1: 200, and no digest of a key that nobody sent.
    return { ...response, status: 200, headers: ofStream(headers), body: this.#downstream.body() };
  }

  /** Resolves when both directions have ended, or both ends are cut. Only where there is an upstream. */
  whenOver(): Promise<void> {
    return this.#over.promise;
  }

  /** The stream is over. */
  dispose(): void {
    this.#relay?.dispose();
    this.#mocked?.destroy(false);
    this.#downstream.free();
    this.#upstream.free();
  }

  #join(
    claim: MessageClaim | null,
    deflate: ReturnType<typeof agreedCompression>,
    upstream: Side,
  ): MessageRelay {
    const { traffic, exchange, body, blame } = this.#deps;
    const relay = new MessageRelay({
      clock: traffic.clock,
      claim: claim ?? noRules,
      deflate: deflate === "unknown" ? null : deflate,
      exchange,
      maxMessageBytes: traffic.settings.limits.maxRuleBodyBytes,
      downstream: this.#downstream,
      upstream,
      blame,
      hit: (rule) => this.#hits.add(rule),
    });
    this.#relay = relay;
    relay.start();
    void this.#pump(body, "toUpstream", relay, this.#downstream);
    return relay;
  }

  #side(way: Way): PipedSide {
    return new PipedSide({
      drained: () => this.#relay?.receiverDrained(way),
      ended: () => this.#settle(),
      cut: () => this.#over.resolve(),
    });
  }

  #settle(): void {
    if (this.#reading === 0 && this.#upstream.hasEnded && this.#downstream.hasEnded) this.#over.resolve();
  }

  /** Bytes of one end, as fast as the relay lets them. */
  async #pump(body: Body, way: Way, relay: MessageRelay, from: PipedSide): Promise<void> {
    this.#reading++;
    try {
      for await (const chunk of body.chunks()) {
        relay.feed(way, Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
        await from.mayRead();
      }
      relay.senderEnded(way);
    } catch {
      relay.dispose();
      this.#downstream.destroy();
      this.#upstream.destroy();
    }
    this.#reading--;
    this.#settle();
  }

  /** An extension that nobody knows was agreed on: both bodies go through as they are. */
  #unread(reply: ResponseReply): ResponseReply {
    this.#deps.exchange.note?.("an unknown extension was agreed on, so no rule could look at its messages");
    const copy = async (body: Body, to: PipedSide) => {
      this.#reading++;
      try {
        for await (const chunk of body.chunks()) {
          to.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
          await to.hasRoom();
        }
        to.end();
      } catch {
        to.destroy();
      }
      this.#reading--;
      this.#settle();
    };
    void copy(this.#deps.body, this.#upstream);
    void copy(reply.body, this.#downstream);
    return { ...plain(reply), body: this.#downstream.body() };
  }
}

/** Field by field, because a reply may be an instance with lazy members. */
function plain({ kind, status, reason, headers, body }: ResponseReply): ResponseReply {
  return { kind, status, reason, headers, body };
}

/** What an HTTP/1 handshake says of its connection has no place in HTTP/2 (RFC 9113 §8.2.2). */
function ofStream(headers: HeaderList): HeaderList {
  const ofConnection = new Set(["connection", "upgrade", "sec-websocket-accept"]);
  return headers.filter(([name]) => !ofConnection.has(name.toLowerCase()));
}
