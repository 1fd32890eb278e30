// A WebSocket on one HTTP/2 stream (RFC 8441): its frames are the bytes of two bodies. Each end is a body that comes and a
// pipe that goes; between them stands the same relay as between two sockets.
//
//   request body ──► relay ──► request body upstream, or the end that a rule answers
//   reply body   ◄── relay ◄── reply body of the upstream

import { bodyOf } from "../../../core/body.ts";
import type { Connection } from "../../../core/connection.ts";
import { UnderstudyError } from "../../../core/errors.ts";
import type { Body, Exchange, Reply, ResponseReply, SocketReply } from "../../../core/exchange.ts";
import type { HeaderList } from "../../../core/headers.ts";
import type { MessageClaim, Traffic } from "../../../core/lane.ts";
import type { Link } from "../../../core/link.ts";
import type { Flag, MessageCounts } from "../../../core/tap.ts";
import { BodyPipe } from "../body-pipe.ts";
import { MessageRelay } from "./message-relay.ts";
import { mockedEnd } from "./mocked-end.ts";
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
  readonly #upstream = new PipedSide(() => this.#relay?.receiverDrained("toUpstream"));
  readonly #downstream = new PipedSide(() => this.#relay?.receiverDrained("toDownstream"));
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

  /** Bytes of one end, as fast as the relay lets them. */
  async #pump(body: Body, way: "toUpstream" | "toDownstream", relay: MessageRelay, from: PipedSide) {
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
  }

  /** An extension that nobody knows was agreed on: both bodies go through as they are. */
  #unread(reply: ResponseReply): ResponseReply {
    this.#deps.exchange.note?.("an unknown extension was agreed on, so no rule could look at its messages");
    const copy = async (body: Body, to: PipedSide) => {
      try {
        for await (const chunk of body.chunks()) {
          to.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
          await to.hasRoom();
        }
        to.end();
      } catch {
        to.destroy();
      }
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

/** An end of the relay whose bytes leave as a body, and which is read by a loop. */
class PipedSide implements Side {
  readonly #pipe: BodyPipe;
  #full = false;
  #paused = false;
  #waiting: (() => void)[] = [];

  constructor(drained: () => void) {
    this.#pipe = new BodyPipe({
      start: () => {
        const wasFull = this.#full;
        this.#full = false;
        if (!wasFull) return;
        drained();
        this.#wake();
      },
      stop: () => {
        this.#full = true;
      },
    });
  }

  body(): Body {
    return this.#pipe.body(null);
  }

  write(bytes: Buffer): boolean {
    this.#pipe.push(Buffer.from(bytes));
    return !this.#full;
  }

  end(): void {
    this.#pipe.end([]);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  destroy(): void {
    this.#pipe.fail(new UnderstudyError("body_cut", "the WebSocket was cut"));
    this.free();
  }

  /** Lets whoever waits go on, for good. */
  free(): void {
    this.#paused = false;
    this.#full = false;
    this.#wake();
  }

  async mayRead(): Promise<void> {
    while (this.#paused) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async hasRoom(): Promise<void> {
    while (this.#full) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
