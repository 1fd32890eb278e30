// Meaning carried over HTTP (gRPC, GraphQL). A dialect is handed to the stages by the composition root: matching asks it
// for conditions, performing asks it for effects and terminals. It owns no socket and sees no rule but the one at hand.

import type { Clock } from "./clock.ts";
import type { ConnectionFacts } from "./connection.ts";
import type { Effect, Terminal } from "./effect.ts";
import type { Exchange, RequestHead } from "./exchange.ts";
import type { MessagePlan } from "./message.ts";
import type { Random } from "./random.ts";
import type { BodyMatch, DelaySpec, JsonPatchSpec, MatchSpec, RuleSpec, TextMatch } from "./rule.ts";
import type { RulePath } from "./rule-problem.ts";
import type { Way } from "./rule-websocket.ts";

/** What a condition may ask of a call. */
export interface CallFacts {
  readonly head: RequestHead;
  readonly connection: ConnectionFacts;
  /** Without content coding; null: not read, or larger than the limit. */
  readonly body: Uint8Array | null;
  /** Takes what a condition waits for before it can tell; it settles by itself and never rejects. null: nobody waits. */
  readonly lacks?: ((what: Promise<unknown>) => void) | null;
}

/** One condition of a match in the words of a dialect. */
export interface DialectCondition {
  /** Where the user wrote it, from the match: `grpc.method`, `message`. */
  readonly name: string;
  /** Pure, and never throws: what cannot be evaluated does not hold. */
  holds(call: CallFacts): boolean;
  /** What would have held, for people. */
  expected(): string;
  /** What stood there, for people. */
  actual(call: CallFacts): string;
}

export interface DialectMatch {
  /** HTTP keys that hold of every call that the match claims (a path, a method): the index files the rule under them. */
  readonly implied: MatchSpec;
  /** Settled by the head. */
  readonly head: readonly DialectCondition[];
  /** Settled by the head and the first `bytesNeeded` of the body. */
  readonly body: readonly DialectCondition[];
}

/** What a dialect may use to plan a rule. */
export interface DialectTools {
  readonly clock: Clock;
  readonly random: Random;
  /** Bytes of a body that a rule may hold whole. */
  readonly maxBodyBytes: number;
  /** Waits as `delay` says, or until `ends` aborts; rejects when the signal aborts. */
  readonly wait: (delay: DelaySpec, signal: AbortSignal, ends?: AbortSignal) => Promise<void>;
  /** JSON whose strings are templates over `request`. Throws RuleProblem at `path`. */
  readonly template: (value: unknown, path: RulePath) => JsonTemplate;
  /** A patch of JSON: the changed document. Throws RuleProblem at `path`; the change throws Error where it does not apply. */
  readonly jsonChange: (spec: JsonPatchSpec, path: RulePath) => (bytes: Uint8Array) => Uint8Array;
}

/** `body`: what `request.body` and `request.json` show; null: the call has none. Throws Error where it cannot be rendered. */
export type JsonTemplate = (exchange: Exchange, body: Uint8Array | null) => unknown;

/** The dialect's share of a rule: effects go inside those of HTTP; a terminal stands instead of relaying, never beside one of HTTP. */
export interface DialectPlan {
  readonly effects: readonly Effect[];
  readonly terminal: Terminal | null;
  /** Stand outside those of HTTP; none where left out. */
  readonly outer?: readonly Effect[];
  /** What the rule does besides where WebSockets carry the dialect; left out: nothing. */
  readonly overSockets?: DialectMessages;
}

/** A rule's share in the messages of WebSockets that carry a dialect. */
export interface DialectMessages {
  /** Whether the request asks for such a WebSocket. Pure, and never throws. */
  asks(head: RequestHead): boolean;
  /** The same for people: under which key of a match it is told, and what would have been such a request. */
  readonly asked: { readonly key: string; readonly expected: string };
  /** Whether a match is about messages too, or about calls alone; null: the rule has none. */
  appliesTo(match: MatchSpec | null): boolean;
  /** null: both. */
  readonly way: Way | null;
  readonly messages: MessagePlan;
}

/** Conditions of the rule format, for what a dialect reads out of a call. */
export interface BodyTest {
  /** As of a body with these bytes. */
  holds(body: Uint8Array): boolean;
  expected(): string;
  actual(body: Uint8Array): string;
}

/** What a dialect may use to compile a match. */
export interface MatchTools {
  /** The rule that the match is of. */
  readonly spec: RuleSpec;
  /** Throw RuleProblem at `path`. */
  readonly text: (match: TextMatch, path: RulePath) => (text: string | undefined) => boolean;
  readonly body: (match: BodyMatch, path: RulePath) => BodyTest;
}

export interface Dialect {
  readonly name: string;
  /** Whether the call speaks it, from its head alone. */
  claims(head: RequestHead): boolean;
  /** null: the match says nothing in this dialect. Throws RuleProblem. */
  compileMatch(match: MatchSpec, path: RulePath, tools: MatchTools): DialectMatch | null;
  /** null: the rule does nothing in this dialect. Throws RuleProblem. */
  plan(spec: RuleSpec, tools: DialectTools): DialectPlan | null;
  /**
   * How much of the body settles every body condition, as far as `payload` tells, which is what came of it, without transfer
   * coding: streams may never end. At most its length: it is settled. Asked again when so much has come. Infinity: by the end.
   */
  bytesNeeded(head: RequestHead, payload: Uint8Array): number;
}
