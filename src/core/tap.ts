// What the data plane tells the outside. Observing never throws, blocks or keeps traffic waiting.

import type { HostPort } from "./address.ts";
import type { ConnectionFacts, Direction } from "./connection.ts";

/** How a call ended, seen by the one who made it. */
export type Outcome = "relayed" | "mocked" | "aborted" | "refused" | "failed";

/**
 * Envoy's response flags, where they mean the same:
 * DC downstream ended the call early · UC upstream ended the connection · UF no connection to upstream ·
 * UT upstream was too slow · DI a delay was injected · FI a fault was injected · DPE the downstream broke the protocol ·
 * UPE the upstream broke the protocol · SI the downstream was too slow · LR we cut it, since we ended.
 */
export type Flag = "DC" | "UC" | "UF" | "UT" | "DI" | "FI" | "DPE" | "UPE" | "SI" | "LR";

/** One finished HTTP call. It does not change any more, so an observer may keep it, within a bound. */
export interface CallEvent {
  readonly kind: "call";
  readonly connectionId: string;
  readonly direction: Direction;
  readonly protocol: "http/1" | "http/2";
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  /** Where the bytes went or would have gone; null where nobody was named. */
  readonly upstream: HostPort | null;
  /** 0 where no status was sent. */
  readonly status: number;
  /** How a gRPC call ended, where it said so; null or left out elsewhere. */
  readonly grpcStatus?: number | null;
  /** Name of the rule that claimed it; null where nobody did. */
  readonly rule: string | null;
  readonly outcome: Outcome;
  readonly flags: readonly Flag[];
  /** Why it was refused or failed, for people; "" otherwise. */
  readonly detail: string;
  /** Milliseconds since the Unix epoch at the first byte of the request. */
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** Bytes from the downstream and to it, heads included. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Of a WebSocket on an HTTP/2 stream whose frames were understood. */
  readonly messages?: MessageCounts;
}

/** One finished connection whose bytes were not parsed. */
export interface OpaqueEvent {
  readonly kind: "opaque";
  readonly connectionId: string;
  readonly direction: Direction;
  /** What the first bytes looked like. */
  readonly protocol: "tcp" | "tls" | "http/2" | "upgraded";
  /** SNI of TLS, or "" */
  readonly serverName: string;
  readonly upstream: HostPort | null;
  readonly rule: string | null;
  readonly outcome: Outcome;
  readonly flags: readonly Flag[];
  readonly detail: string;
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly upBytes: number;
  readonly downBytes: number;
  /** Of a WebSocket whose frames were understood; left out: nobody looked. */
  readonly messages?: MessageCounts;
}

/** Whole messages that came, and how often a rule touched one or sent one of its own. */
export interface MessageCounts {
  readonly toUpstream: number;
  readonly toDownstream: number;
  readonly ruleHits: number;
}

/** What a rule did in the words of GraphQL. */
export interface GraphqlEvent {
  readonly kind: "graphql";
  readonly rule: string;
  readonly what:
    | {
        readonly kind: "operation";
        /** "" where it has none. Chosen by the client: whoever keeps it bounds it. */
        readonly name: string;
        readonly type: "query" | "mutation" | "subscription";
        readonly complexity: number;
        /** From its first resolver to its last. */
        readonly durationMs: number;
      }
    /** An operation that was refused before it ran: not valid, or over a limit. */
    | { readonly kind: "refused"; readonly errors: number }
    | { readonly kind: "subscriptions"; readonly change: 1 | -1 };
}

export type TapEvent =
  | CallEvent
  | OpaqueEvent
  | { readonly kind: "connection-opened" | "connection-closed"; readonly connection: ConnectionFacts }
  /** A rule has touched a message of a WebSocket, or sent one of its own. */
  | { readonly kind: "message-touched"; readonly connectionId: string; readonly rule: string }
  /** The first bytes did not come within the deadline; the connection is relayed opaque. */
  | { readonly kind: "detection-timeout"; readonly connection: ConnectionFacts }
  | { readonly kind: "rules-applied"; readonly revision: string; readonly rules: number }
  /** `problems`: one formatted line each. The last good set stays in force. */
  | { readonly kind: "rules-rejected"; readonly problems: readonly string[] }
  | GraphqlEvent
  /** Contact with a store of rules was made or lost. `reason`: why it was lost; "" otherwise. The rules stay as they are. */
  | {
      readonly kind: "rule-source";
      readonly source: string;
      readonly connected: boolean;
      readonly reason: string;
    }
  /** Faults may not happen any more, or may again; `by`: who said so. */
  | { readonly kind: "faults-stopped"; readonly stopped: boolean; readonly by: string }
  /** Something of ours broke without harm to traffic. */
  | { readonly kind: "trouble"; readonly area: string; readonly message: string };

export interface Tap {
  observe(event: TapEvent): void;
}

/** Hands each event to all; one that throws does not keep the others from seeing it. */
export function teeTaps(taps: readonly Tap[]): Tap {
  return {
    observe(event) {
      for (const tap of taps) {
        try {
          tap.observe(event);
        } catch {
          // A broken observer never harms traffic, and has no one left to tell.
        }
      }
    },
  };
}
