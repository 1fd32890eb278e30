// What a lane is, and what the pipeline hands it.

import type { HostPort } from "./address.ts";
import type { Clock } from "./clock.ts";
import type { Connection, ConnectionFacts } from "./connection.ts";
import type { ConnectionFault } from "./connection-fault.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Exchange, Handler, Reply, RequestHead } from "./exchange.ts";
import type { Dial } from "./link.ts";
import type { MessageRule, Rule } from "./rule-set.ts";
import type { Settings } from "./settings.ts";
import type { Tap } from "./tap.ts";

/** What the first bytes of a connection are; `silent`: the client has sent none in time, so that the server may speak first. */
export type Protocol = "http/1" | "http/2" | "tls" | "opaque" | "silent";

/** A rule's hold on one call, from the decision to the end of the call. */
export interface Claim {
  readonly kind: "claim";
  readonly rule: Rule;
  /** Runs effects and terminal. `forward` is the lane's own way to relay the exchange upstream. */
  serve(exchange: Exchange, forward: Handler): Promise<Reply>;
  /** Must be called once, when the call has ended: it leaves the rule's count of active calls. */
  release(): void;
}

/** The head leaves it open: the lane holds the bytes back and asks again with the body. */
export interface Undecided {
  readonly kind: "undecided";
  /** Whether `payload`, the body so far, settles it: `decide` need not wait for the end. Asked after each chunk. */
  isEnough(payload: Uint8Array): boolean;
  /**
   * Asked once, before `decide`, with the same payload: what rules still learn that may change the verdict; null: nothing.
   * Settles within `ruleBodyMs`, and never rejects.
   */
  lacks(payload: Uint8Array): Promise<unknown> | null;
  /**
   * Once. `payload`: the body without transfer coding, as sent (content coding included), or its beginning where that is
   * enough; null where it exceeds the limit, or does not come within `ruleBodyMs`.
   */
  decide(payload: Uint8Array | null): Claim | null;
}

/** A rule's hold on a connection whose bytes are not parsed. */
export interface ConnectionClaim {
  /** Its name. */
  readonly rule: string;
  readonly fault: ConnectionFault;
  /** Aborts when the rule is no longer in force: the fault ends, the connection goes on. */
  readonly faultEnds: AbortSignal;
  /** To be called when the connection has ended. */
  release(): void;
}

/** A rule's hold on the messages of one connection. */
export interface ClaimedMessages extends MessageRule {
  /**
   * Aborts when the rule is no longer in force: it acts no more, and the connection goes on. A connection may live for days,
   * and no fault outlives its owner.
   */
  readonly ends: AbortSignal;
}

/** The rules that concern one connection's messages, from its upgrade to its end. */
export interface MessageClaim {
  /** In the order in which they are tried; the first that passes claims a message. */
  readonly rules: readonly ClaimedMessages[];
  /** To be called once, when the connection has ended. */
  release(): void;
}

/** What lanes share. All calls of one process see the same one. */
export interface Traffic {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly tap: Tap;
  readonly dial: Dial;
  /** True while the sidecar goes down: finish the call at hand, then close. */
  isDraining(): boolean;
  /** False where no rule in force can claim a call on this connection, wherever it is addressed to: it need not be parsed. */
  mayClaim(connection: ConnectionFacts): boolean;
  /** null: nobody claims the call; the plain road. Each call sees one rule set, whole. */
  decide(head: RequestHead, connection: ConnectionFacts): Claim | Undecided | null;
  /** For a request that asks for a WebSocket. null: no rule touches its messages, and they need not be understood. */
  decideMessages(head: RequestHead, connection: ConnectionFacts): MessageClaim | null;
  /** Whether a rule in force could answer a WebSocket on this connection, so that its client may be told to ask for some. */
  mayAnswerWebSockets(connection: Connection): boolean;
  /** For connections whose bytes are not parsed. */
  decideConnection(connection: ConnectionFacts): ConnectionClaim | null;
  /** Whether a rule in force could answer or end calls to a host of that name (in lower case), without any upstream. */
  answersHost(host: string): boolean;
  /** Whether a TLS connection to `serverName` is to be opened, because a rule may claim a call inside. */
  concernsTls(serverName: string, connection: ConnectionFacts): boolean;
  /** Hands a connection to the lane that its bytes ask for: after CONNECT, or where a lane steps aside. */
  route(connection: Connection, first: Buffer | null, protocol: Protocol | null): void;
  /** Where requests for this authority are dialled on an explicit proxy; null where it names nobody. */
  destinationOf(authority: string): HostPort | null;
}

/** One connection being served; the lane owns the socket until it is closed. */
export interface Session {
  /** Finish what is open, accept nothing new, then close. */
  drain(): void;
}

/** One wire protocol. */
export interface Lane {
  readonly protocols: readonly Protocol[];
  /** `first`: bytes that were read to detect the protocol; null where none were. They are the lane's to relay. */
  serve(connection: Connection, first: Buffer | null, traffic: Traffic, protocol: Protocol): Session;
}
