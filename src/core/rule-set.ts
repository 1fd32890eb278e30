// Rules as the data plane holds them: compiled, frozen, swapped as a whole.

import type { ConnectionFacts } from "./connection.ts";
import type { DialectMessages } from "./dialect.ts";
import type { Effect, Terminal } from "./effect.ts";
import type { RequestHead } from "./exchange.ts";
import type { MessagePlan } from "./message.ts";
import type { PayloadTest } from "./payload.ts";
import type { RuleSpec } from "./rule.ts";
import type { RuleProblem } from "./rule-problem.ts";
import type { Way } from "./rule-websocket.ts";

/** What a rule does once it has claimed a call. */
export interface Plan {
  readonly effects: readonly Effect[];
  readonly terminal: Terminal;
  /** What it does to messages of a WebSocket, and then to no call; left out: nothing. */
  readonly messages?: MessagePlan;
  /** What it does, besides, to messages of WebSockets that carry a dialect; left out: nothing. */
  readonly overSockets?: DialectMessages;
}

/** One compiled rule. */
export interface Rule extends Plan {
  readonly spec: RuleSpec;
  /** Place in the order in which rules are tried; 0 is tried first. */
  readonly rank: number;
  /** What acts in its place while faults are stopped; left out: itself. */
  readonly calm?: Rule;
}

/** One item of a rule's `matches`, for the messages of one connection. */
export interface MessageRule {
  readonly rule: Rule;
  /** null: both. */
  readonly way: Way | null;
  /** null: every message passes, so none has to be looked into. */
  readonly test: PayloadTest | null;
}

/** The circumstances of one decision. The same roll gives the same verdict, before and after the body is known. */
export interface Roll {
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** On `Clock.now()`, which nobody can set back. */
  readonly steadyMs: number;
  /** Chance of this call: uniform unsigned 32-bit; each rule derives its own share from it. */
  readonly seed: number;
  /** Calls in flight under the rule of that name. */
  activeCalls(rule: string): number;
  /** Whether the rule of that name may have one more call, of `maxActive` in the whole mesh. */
  hasRoom(rule: string, maxActive: number): boolean;
  /** Whether faults are stopped: a rule that is nothing but one claims nothing. */
  readonly faultsHalted: boolean;
  /** Current value of a named state for a key; undefined before the first change. */
  stateOf(name: string, key: string): string | undefined;
}

/** `need-body`: the head leaves it open; ask again with the body. null: nobody claims this call. */
export type HeadVerdict = Rule | "need-body" | null;

/** The compiled, frozen rules of one revision. Deciding neither waits, nor allocates lasting state, nor reads a clock. */
export interface RuleSet {
  readonly revision: string;
  /** In the order in which they are tried. */
  readonly rules: readonly Rule[];
  decide(head: RequestHead, connection: ConnectionFacts, roll: Roll): HeadVerdict;
  /**
   * `body`: the decoded payload; null where it was larger than the limit or did not come in time (no body key matches).
   * `lacks` hears what conditions still learn: once that has settled, the verdict may be another. It never rejects.
   */
  decideWithBody(
    head: RequestHead,
    connection: ConnectionFacts,
    body: Uint8Array | null,
    roll: Roll,
    lacks?: (what: Promise<unknown>) => void,
  ): Rule | null;
  /** The rules that touch messages of the WebSocket that this request asks for, in the order of trying. */
  decideMessages(head: RequestHead, connection: ConnectionFacts, roll: Roll): readonly MessageRule[];
  /**
   * How much of the body settles every body key, as far as `payload` tells, which came of it; at most its length: it is settled
   * although more may come. Infinity: its end settles them. Never throws.
   */
  bytesNeeded(head: RequestHead, payload: Uint8Array): number;
  /** The rule that claims a connection whose bytes are not parsed: only rules that name nothing of HTTP can. */
  decideConnection(connection: ConnectionFacts, roll: Roll): Rule | null;
  /**
   * Whether any rule could claim a call inside a TLS connection to `serverName`: one that names this host, or no host
   * but something else of HTTP. `serverName`: the SNI in lower case, or the address that was dialled where there is none.
   */
  concernsTls(serverName: string, connection: ConnectionFacts, roll: Roll): boolean;
  /** Whether any rule could claim a call on this connection, told by its destination and direction alone. */
  concernsConnection(connection: ConnectionFacts, roll: Roll): boolean;
  /**
   * Whether any rule could answer a WebSocket on this connection, without an upstream. `serverName`: as for `concernsTls`;
   * "" where it is not known, and each request may name another.
   */
  answersWebSockets(serverName: string, connection: ConnectionFacts, roll: Roll): boolean;
  /**
   * Whether any rule that names this host could answer or end an outbound call to it, without an upstream. `host`: a name in
   * lower case, without the root dot.
   */
  answersHost(host: string, roll: Roll): boolean;
}

/** Either all rules, compiled, or what is wrong with each that cannot be. */
export type CompileOutcome =
  | RuleSet
  | { readonly problems: readonly { readonly rule: RuleSpec; readonly problem: RuleProblem }[] };

/** `specs` come in the order of trying. Takes its time in turns; rejects where the signal aborts. */
export type Compile = (
  specs: readonly RuleSpec[],
  revision: string,
  signal: AbortSignal,
) => Promise<CompileOutcome>;

/** No rules: everything is relayed. */
export const noRules: RuleSet = Object.freeze({
  revision: "",
  rules: [],
  decide: () => null,
  decideWithBody: () => null,
  decideMessages: () => [],
  bytesNeeded: () => 0,
  decideConnection: () => null,
  concernsTls: () => false,
  concernsConnection: () => false,
  answersWebSockets: () => false,
  answersHost: () => false,
});
