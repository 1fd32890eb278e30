// One request with its reply. The plain road uses only the head; the rich road builds an Exchange.

import type { ConnectionFacts } from "./connection.ts";
import type { HeaderList } from "./headers.ts";
import type { Payload, PayloadTest } from "./payload.ts";
import type { Way } from "./rule-websocket.ts";

/** What a decision can be made from, before any body byte. Implementations may read lazily from wire bytes. */
export interface RequestHead {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** Host, and port where written, as the request claims it; "" where it claims none. */
  readonly authority: string;
  /** Path with query, as sent: `/v1/charges?currency=usd`; `*` for OPTIONS *. */
  readonly path: string;
  readonly headers: HeaderList;
  /** Value of a field by lower-case name, repeated fields joined by ", "; undefined where absent. */
  header(name: string): string | undefined;
}

/** Stands where no head is known, or none could be read. */
export const noHead: RequestHead = {
  method: "",
  scheme: "http",
  authority: "",
  path: "",
  headers: [],
  header: () => undefined,
};

/** Bytes of a message after its head. Read once: either `chunks()` or `read()`. */
export interface Body {
  /** Length in bytes where the framing says it; null for chunked or until-close. */
  readonly lengthBytes: number | null;
  /** The payload without transfer coding, in order, under backpressure. Throws `body_cut` where it ends early. */
  chunks(): AsyncIterable<Uint8Array>;
  /** The whole payload. Throws `body_too_large` past `limitBytes`. */
  read(limitBytes: number): Promise<Uint8Array>;
  /** Trailer fields; complete once the chunks have been read. */
  trailers(): HeaderList;
}

export interface Exchange {
  readonly id: string;
  readonly connection: ConnectionFacts;
  readonly head: RequestHead;
  readonly body: Body;
  /** Aborts when the downstream leaves, or the call is given up. */
  readonly signal: AbortSignal;
  /** Aborts when the rule is no longer in force: what it does ends, the call goes on. Left out: it lasts. */
  readonly faultEnds?: AbortSignal;
  /** Where a step leaves a remark for people (access log, journal): `patch: body is not JSON`. Must not throw. */
  readonly note?: (text: string) => void;
}

export interface ResponseReply {
  readonly kind: "response";
  readonly status: number;
  /** Reason phrase; "" lets the lane choose the usual one. */
  readonly reason: string;
  /** Without framing fields that contradict `body`: the lane writes Content-Length or chunked itself where absent. */
  readonly headers: HeaderList;
  readonly body: Body;
}

/** One end of a conversation that a script holds. */
export interface Conversation {
  /** The upgrade request, whose body is the message that was expected last. */
  readonly exchange: Exchange;
  /** `to` null: to the one that the script talks to. Resolves when more may be sent; rejects when the connection is gone. */
  send(payload: Payload, to: Way | null): Promise<void>;
  /**
   * The next message that travels `way` and passes, from now on; null: of the one that the script talks to. Rejects when
   * the signal aborts. From then on `exchange` shows it.
   */
  next(way: Way | null, test: PayloadTest | null, signal: AbortSignal): Promise<void>;
  close(code: number, reason: string): void;
  cut(): void;
}

/** A script of `send`, `expect`, `wait`, `close`: runs until its end, or rejects when the connection is gone. */
export interface SocketScript {
  run(conversation: Conversation, signal: AbortSignal): Promise<void>;
}

/** The request for a WebSocket is granted, and we are the other end of it. */
export interface SocketReply {
  readonly kind: "websocket";
  readonly script: SocketScript;
  /** The subprotocol to agree on, where the client offers it; null: the first that it offers. */
  readonly subprotocol: string | null;
}

export type Reply =
  | ResponseReply
  | SocketReply
  /** No reply: end the connection. */
  | { readonly kind: "sever"; readonly how: "fin" | "rst" }
  /**
   * Over HTTP/2 the stream is reset with `code`, behind a GOAWAY where `goAway` (with REFUSED_STREAM where that is
   * graceful); over HTTP/1 the connection is.
   */
  | { readonly kind: "sever"; readonly how: "stream"; readonly code: number; readonly goAway: boolean };

export type Handler = (exchange: Exchange) => Promise<Reply>;
