// What one direction of a WebSocket is told when it begins, and what it asks of its connection.

import type { Payload } from "../../../core/payload.ts";
import type { Way } from "../../../core/rule-websocket.ts";
import type { FlowRule } from "./claimed-message.ts";
import type { CompressedMessages } from "./compression.ts";

export interface FlowOptions {
  readonly way: Way;
  /** Of this direction, in the order in which they are tried. */
  readonly rules: readonly FlowRule[];
  /** Every message is told to `seen`, so that scripts may wait for one. */
  readonly watched: boolean;
  /** Asked for each ping: whether it goes no further. */
  readonly swallowsPings: () => boolean;
  /** Messages are plain to some rule, or leave in another form or order than they came in. */
  readonly inflates: boolean;
  /** null: compression was not agreed on. */
  readonly compressed: CompressedMessages | null;
  /** Bytes of a message that is looked into, also inflated. */
  readonly maxMessageBytes: number;
}

/** What a flow asks of its connection. */
export interface FlowEnds {
  /** Towards the receiver. `bytes` may be borrowed from the link's buffer. */
  write(bytes: Buffer): void;
  /** The direction has stopped (true), or goes on: its source is to be paused meanwhile. */
  stopped(stopped: boolean): void;
  /** The sender has broken the protocol; nothing more comes out of the flow. */
  violated(code: number, why: string): void;
  /** A whole message came; only where the flow is watched. */
  seen(message: Payload): void;
  /** For the first time a message passed that was too large to be looked into; with it, those that refer to it. */
  unread(andThoseBehind: boolean): void;
  /** A close frame is about to go through: what is held back goes before it. */
  closeComing(): void;
}
