// A WebSocket that rules concern, between its two ends: two flows, what rules do across them, and the ends of the
// connection. It knows frames and sides; sockets, links and streams are given that shape by others.
//
//   downstream ──► flow toUpstream ──► upstream      a flow that stops, or an end that is full, pauses the source
//   downstream ◄── flow toDownstream ◄── upstream

import type { Clock, Timer } from "../../../core/clock.ts";
import { messageOf } from "../../../core/errors.ts";
import type { Exchange } from "../../../core/exchange.ts";
import type { ClaimedMessages, MessageClaim } from "../../../core/lane.ts";
import type { Payload } from "../../../core/payload.ts";
import type { Rule } from "../../../core/rule-set.ts";
import type { Way } from "../../../core/rule-websocket.ts";
import type { Flag } from "../../../core/tap.ts";
import { closeCodes } from "./close-codes.ts";
import { CompressedMessages, type Deflate } from "./compression.ts";
import { converse, type Talk } from "./conversation.ts";
import { MessageFlow } from "./flow.ts";
import { encodeClose } from "./frame-writer.ts";
import { RuleOnConnection } from "./rule-on-connection.ts";
import type { Side } from "./side.ts";

export interface MessageRelayDeps {
  readonly clock: Clock;
  readonly claim: MessageClaim;
  /** null: no compression was agreed on. */
  readonly deflate: Deflate | null;
  /** The upgrade request; its body is empty. */
  readonly exchange: Exchange;
  readonly maxMessageBytes: number;
  readonly downstream: Side;
  readonly upstream: Side;
  /** What happened to it, for the tap; the first cause stands. */
  blame(flag: Flag, detail: string): void;
  /** A rule has touched a message. */
  hit(rule: string): void;
}

/** For a peer to answer our close frame and to end the connection (RFC 6455 §7.1.1). */
const closingMs = 2_000;
const nameOf = { toUpstream: "the client", toDownstream: "the upstream" } as const;
const other = { toUpstream: "toDownstream", toDownstream: "toUpstream" } as const;

export class MessageRelay {
  readonly #deps: MessageRelayDeps;
  readonly #stop = new AbortController();
  readonly #flows: Record<Way, MessageFlow>;
  readonly #rules = new Map<string, RuleOnConnection>();
  readonly #watchers = new Set<(way: Way, payload: Payload) => void>();
  readonly #full: Record<Way, boolean> = { toUpstream: false, toDownstream: false };
  readonly #ended: Record<Way, boolean> = { toUpstream: false, toDownstream: false };
  readonly #drained: Record<Way, (() => void)[]> = { toUpstream: [], toDownstream: [] };
  #closing: Timer | null = null;
  #isClosed = false;

  constructor(deps: MessageRelayDeps) {
    this.#deps = deps;
    this.#flows = { toUpstream: this.#flow("toUpstream"), toDownstream: this.#flow("toDownstream") };
  }

  /** Messages that came whole. */
  get messages(): { readonly toUpstream: number; readonly toDownstream: number } {
    const { toUpstream, toDownstream } = this.#flows;
    return { toUpstream: toUpstream.messages, toDownstream: toDownstream.messages };
  }

  /** Starts what runs beside the connection. */
  start(): void {
    const started = new Set<unknown>();
    for (const { rule, ends } of this.#deps.claim.rules) {
      const script = rule.messages?.inject;
      if (!script) continue;
      if (started.has(rule)) continue;
      started.add(rule);
      const exchange = { ...this.#deps.exchange, faultEnds: ends };
      const running = converse(script, exchange, this.#talk(rule), null, this.#stop.signal);
      void running.catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.#trouble(`rule ${rule.spec.name}: ${messageOf(error)}`);
      });
    }
  }

  /** Bytes of the sender of that direction. */
  feed(way: Way, chunk: Buffer): void {
    this.#flows[way].feed(chunk);
  }

  /** The sender of that direction has sent its FIN. */
  senderEnded(way: Way): void {
    this.#ended[way] = true;
    if (this.#isClosed) return this.#settleClose();
    if (!this.#flows[way].isStopped) this.#passEnd(way);
  }

  /** The receiver of that direction takes bytes again. */
  receiverDrained(way: Way): void {
    this.#full[way] = false;
    for (const wake of this.#drained[way].splice(0)) wake();
    this.pace(way);
  }

  /** Everything is over; idempotent. */
  dispose(): void {
    this.#closing?.cancel();
    this.#stop.abort();
    this.#flows.toUpstream.finish();
    this.#flows.toDownstream.finish();
    for (const way of ["toUpstream", "toDownstream"] as const)
      for (const wake of this.#drained[way].splice(0)) wake();
  }

  // ── flows ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #flow(way: Way): MessageFlow {
    const { claim, deflate, maxMessageBytes } = this.#deps;
    const concerned = claim.rules.filter((item) => item.way === null || item.way === way);
    const acting = concerned.filter(({ rule }) => rule.messages?.acts);
    const watched = claim.rules.some(({ rule }) => rule.messages?.watches);
    const looks = watched || acting.some(({ test, rule }) => test !== null || rule.messages?.alters);
    const silent = concerned.filter(({ rule }) => rule.messages?.ignorePings);
    return new MessageFlow(
      {
        way,
        rules: acting.map((item) => this.#ruleOf(item).item(item)),
        watched,
        swallowsPings: () => silent.some(({ ends }) => !ends.aborted),
        inflates: looks,
        compressed: deflate && new CompressedMessages(deflate[way]),
        maxMessageBytes,
      },
      {
        write: (bytes) => this.#write(way, bytes),
        stopped: (stopped) => this.#stopped(way, stopped),
        violated: (code, why) => this.#violated(way, code, why),
        seen: (payload) => {
          for (const watch of [...this.#watchers]) watch(way, payload);
        },
        unread: (andThoseBehind) => {
          const what = `${nameOf[way]} sent a message of more than ${maxMessageBytes} bytes, which passed without being looked into`;
          this.#trouble(andThoseBehind ? `${what}, as did compressed ones behind it` : what);
        },
        closeComing: () => {
          for (const rule of this.#rules.values()) rule.letGo(way);
        },
      },
    );
  }

  #ruleOf({ rule, ends }: ClaimedMessages): RuleOnConnection {
    const { name } = rule.spec;
    const known = this.#rules.get(name);
    const actor = known ? null : rule.messages?.open();
    if (known || !actor) return known ?? raise(`rule ${name} does nothing to messages`);
    const exchange = { ...this.#deps.exchange, faultEnds: ends };
    const made = new RuleOnConnection(actor, name, {
      ...{ clock: this.#deps.clock, signal: this.#stop.signal, exchange, ends },
      flow: (way) => this.#flows[way],
      hit: (hitting) => this.#deps.hit(hitting),
      close: (code, reason, by) => this.close(code, reason, by),
      cut: (by) => this.#cut(by),
      converse: (script, message) => converse(script, exchange, this.#talk(rule), message, this.#stop.signal),
      trouble: (text) => this.#trouble(text),
    });
    this.#rules.set(name, made);
    return made;
  }

  #receiver(way: Way): Side {
    return way === "toUpstream" ? this.#deps.upstream : this.#deps.downstream;
  }

  #sender(way: Way): Side {
    return this.#receiver(other[way]);
  }

  #write(way: Way, bytes: Buffer): void {
    if (this.#isClosed || this.#receiver(way).write(bytes)) return;
    this.#full[way] = true;
    this.pace(way);
  }

  #stopped(way: Way, stopped: boolean): void {
    if (!stopped && this.#ended[way] && !this.#isClosed) this.#passEnd(way);
    this.pace(way);
  }

  /** Lets the sender of that direction go on, or stops it, as the receiver and the rules demand. */
  pace(way: Way): void {
    if (this.#full[way] || this.#flows[way]?.isStopped) this.#sender(way).pause();
    else this.#sender(way).resume();
  }

  #passEnd(way: Way): void {
    for (const rule of this.#rules.values()) rule.letGo(way);
    this.#flows[way].end();
    this.#receiver(way).end();
  }

  // ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #violated(way: Way, code: number, why: string): void {
    const flag = way === "toUpstream" ? "DPE" : "UPE";
    this.#deps.blame(flag, `${nameOf[way]} sent ${why}`);
    // RFC 6455 §7.1.7: the offender hears why; the other end, that it has lost its peer.
    const toOffender = encodeClose(code, why, way === "toDownstream");
    const toOther = encodeClose(closeCodes.goingAway, "", way === "toUpstream");
    this.#finishWith(
      way === "toUpstream" ? toOffender : toOther,
      way === "toUpstream" ? toOther : toOffender,
    );
  }

  /** Closes both ends on behalf of a rule. */
  close(code: number, reason: string, rule: string): void {
    this.#deps.blame("FI", `closed with ${code} by ${rule}`);
    this.#finishWith(encodeClose(code, reason, false), encodeClose(closeCodes.goingAway, "", true));
  }

  #finishWith(toDownstream: Buffer, toUpstream: Buffer): void {
    if (this.#isClosed) return;
    const { downstream, upstream } = this.#deps;
    if (this.#flows.toDownstream.takesClose) downstream.write(toDownstream);
    if (this.#flows.toUpstream.takesClose) upstream.write(toUpstream);
    this.#isClosed = true;
    this.#stop.abort();
    this.#flows.toUpstream.finish();
    this.#flows.toDownstream.finish();
    // §7.1.1: a server ends the TCP connection first; both get time to answer and to read what is on its way.
    downstream.end();
    upstream.end();
    downstream.resume();
    upstream.resume();
    this.#closing = this.#deps.clock.after(closingMs, () => this.#destroy(false), { background: true });
    this.#settleClose();
  }

  #settleClose(): void {
    if (this.#ended.toUpstream && this.#ended.toDownstream) this.#destroy(false);
  }

  #cut(rule: string): void {
    if (this.#isClosed) return;
    this.#deps.blame("FI", `cut by ${rule}`);
    this.#isClosed = true;
    this.#destroy(true);
  }

  #destroy(reset: boolean): void {
    this.dispose();
    this.#deps.upstream.destroy(reset);
    this.#deps.downstream.destroy(reset);
  }

  #trouble(text: string): void {
    this.#deps.exchange.note?.(text);
  }

  // ── scripts ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a script of `rule` may do here. */
  #talk(rule: Rule): Talk {
    const { name } = rule.spec;
    return {
      send: (payload, to) => this.#send(payload, to, rule),
      watch: (look) => {
        this.#watchers.add(look);
        return () => void this.#watchers.delete(look);
      },
      close: (code, reason) => this.close(code, reason, name),
      cut: () => this.#cut(name),
    };
  }

  async #send(payload: Payload, to: Way, rule: Rule): Promise<void> {
    this.#stop.signal.throwIfAborted();
    this.#deps.hit(rule.spec.name);
    this.#flows[to].send(payload);
    if (this.#full[to]) await new Promise<void>((resolve) => this.#drained[to].push(resolve));
    this.#stop.signal.throwIfAborted();
  }
}

function raise(message: string): never {
  throw new RangeError(message);
}
