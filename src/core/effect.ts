// What a claimed call goes through: effects folded around exactly one terminal.

import type { Exchange, Handler, Reply } from "./exchange.ts";
import type { HeaderList } from "./headers.ts";

/** One step around the terminal (delay, throttle, patch, …). It must call `next` at most once and honour `exchange.signal`. */
export interface Effect {
  readonly kind: string;
  /** True for an effect that is a fault: the call is flagged so (FI, DI) in logs and metrics. */
  readonly fault: boolean;
  /** True for one that is no fault, but there only for the sake of the rule's faults. Left out: false. */
  readonly forFault?: boolean;
  apply(exchange: Exchange, next: Handler): Promise<Reply>;
}

/** A reply known in full when the rules are compiled, so that a lane may encode it once. */
export interface FixedReply {
  readonly status: number;
  readonly reason: string;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
}

/** The one step that ends a call. */
export type Terminal =
  | { readonly kind: "relay" }
  | {
      readonly kind: "mock" | "abort";
      readonly answer: Handler;
      /** Present where the answer never varies; it then equals what `answer` would give. */
      readonly fixed: FixedReply | null;
      /**
       * True where `answer` may wait before it replies: it does so until `exchange.faultEnds` at most. Left out: false. An abort
       * that does not wait is none any more where `exchange.faultEnds` has aborted before its turn: the call is relayed.
       */
      readonly waits?: boolean;
    };

export const relayTerminal: Terminal = { kind: "relay" };
