// What a rule does to the messages of a WebSocket: the vocabulary that performing and the lane share.

import type { Exchange, SocketScript } from "./exchange.ts";
import type { Payload } from "./payload.ts";
import type { Way } from "./rule-websocket.ts";

/** What a rule does to the messages that it claims. */
export interface MessagePlan {
  /** A fresh account for one connection. */
  open(): MessageActor;
  /** Runs beside the connection; null: nothing does. */
  readonly inject: SocketScript | null;
  /** Pings of the client get no answer. */
  readonly ignorePings: boolean;
  /** It does something to the messages that it claims. */
  readonly acts: boolean;
  /** Messages may leave in another form or order than they came in. */
  readonly alters: boolean;
  /** It can do nothing with a message that is not there as a whole: to drop one, or to end the connection, it need not be. */
  readonly whole: boolean;
  /** A script of it waits for messages. */
  readonly watches: boolean;
  /** What nobody can look into must not pass: a message of that direction ends the connection. Left out: it passes. */
  readonly unread?: { readonly way: Way; readonly code: number; readonly reason: string };
}

/** One rule on one connection. */
export interface MessageActor {
  /** What becomes of the next message that the rule claims. null: it passes untouched. */
  act(message: Payload, way: Way): MessageAct | null;
  /** The same once the rule acts no more: for what it has begun and has to end. Left out: it leaves nothing half done. */
  finish?(message: Payload, way: Way): MessageAct | null;
}

export type MessageAct =
  | { readonly kind: "drop" | "cut" }
  | { readonly kind: "close"; readonly code: number; readonly reason: string }
  /** The messages behind it wait too, so that order holds. */
  | { readonly kind: "delay"; readonly delayMs: number }
  /** `copies` more of it follow. */
  | { readonly kind: "duplicate"; readonly copies: number }
  /** Held until `group` messages are there, which then leave last first. */
  | { readonly kind: "reorder"; readonly group: number }
  /** null from `render`: it cannot be applied, and the message passes. */
  | {
      readonly kind: "replace";
      render(message: Payload, exchange: Exchange): Promise<Payload | null>;
    }
  /** It goes no further; the script talks to its sender. */
  | { readonly kind: "answer"; readonly script: SocketScript };
