// The WebSocket and event-stream parts of a rule as data, with every shorthand spelled out. Times are milliseconds.

import type { BodyMatch, DelaySpec, JsonPatchSpec, PathMatch, TextMatch } from "./rule-values.ts";

/** Where a message travels: what the client sends goes `toUpstream`. */
export type Way = "toUpstream" | "toDownstream";

/** Claims requests that ask for a WebSocket (RFC 6455 §4.1, RFC 8441 §4); the keys narrow them down. */
export interface WebSocketMatch {
  readonly path?: PathMatch;
  /** Any of the subprotocols that the client offers. */
  readonly subprotocol?: TextMatch;
  /** Of the messages that the rule touches; both where left out. */
  readonly direction?: Way;
  /** Content of a message: then the rule is about messages, not about the connection. */
  readonly message?: BodyMatch;
}

/** What a message of ours carries. */
export type PayloadSpec =
  | { readonly kind: "text"; readonly text: string; readonly template: boolean }
  | { readonly kind: "json"; readonly value: unknown; readonly template: boolean }
  /** A binary message. */
  | { readonly kind: "base64"; readonly bytes: Uint8Array };

/** One step of a script; steps run one after the other. */
export type ScriptStep =
  /** `to` null: to the one that the script talks to. */
  | { readonly kind: "send"; readonly payload: PayloadSpec; readonly to: Way | null }
  /** Waits for a message that passes; others are passed over. `withinMs` null: as long as the connection lasts. */
  | {
      readonly kind: "expect";
      readonly match: BodyMatch | null;
      /** Where the message travels; null: from the one that the script talks to. */
      readonly way: Way | null;
      readonly withinMs: number | null;
    }
  | { readonly kind: "wait"; readonly delay: DelaySpec }
  | { readonly kind: "close"; readonly code: number; readonly reason: string }
  /** Ends the connection without a close frame. */
  | { readonly kind: "cut" }
  /** `times` null: as long as the connection lasts. */
  | { readonly kind: "repeat"; readonly times: number | null; readonly steps: readonly ScriptStep[] };

/** Takes part in the conversation: the whole of it, or where the rule names messages, the answer to each. */
export interface WebSocketReplySpec {
  readonly kind: "websocket";
  readonly script: readonly ScriptStep[];
  /** The subprotocol to agree on; null: the first that the client offers. */
  readonly subprotocol: string | null;
}

/** Harm done to messages that the rule claims, from the one after `afterMessages` on. */
export interface SocketFaultSpec {
  /** So many claimed messages pass untouched first. */
  readonly afterMessages: number;
  /** Chance of each message after those, 0 to 1. */
  readonly probability: number;
  /** Makes the draws repeat; null: they do not. */
  readonly seed: number | null;
  readonly close: { readonly code: number; readonly reason: string } | null;
  readonly cut: boolean;
  /** Pings of the client get no answer. */
  readonly ignorePings: boolean;
  /** So many messages are dropped; `Infinity`: all. 0: none. */
  readonly dropMessages: number;
  readonly delay: DelaySpec | null;
  /** Further copies of each message. */
  readonly copies: number;
  /** Messages are gathered in groups of so many and sent last first; 0: they are not. */
  readonly reorder: number;
}

export interface SocketPatchSpec {
  /** What each claimed message becomes; null: it stays. */
  readonly replace: PayloadSpec | null;
  /** Changes to a claimed text message that is JSON; null: none. */
  readonly json: JsonPatchSpec | null;
  /** Runs beside the live connection from its beginning; empty: nothing. */
  readonly inject: readonly ScriptStep[];
}

/** One event of a scripted event stream (HTML Living Standard §9.2.6). */
export type EventStep =
  | {
      readonly kind: "event";
      readonly event: string | null;
      readonly data: PayloadSpec | null;
      readonly id: string | null;
      readonly retryMs: number | null;
      readonly comment: string | null;
      readonly delay: DelaySpec | null;
    }
  | { readonly kind: "repeat"; readonly times: number | null; readonly steps: readonly EventStep[] };

/** Harm done to the events of a response that is an event stream. */
export interface EventFaultSpec {
  /** So many events pass untouched first. */
  readonly afterEvents: number;
  readonly probability: number;
  readonly seed: number | null;
  readonly drop: boolean;
  readonly delay: DelaySpec | null;
  readonly copies: number;
  /** The stream is cut behind the events that passed. */
  readonly cut: boolean;
}
