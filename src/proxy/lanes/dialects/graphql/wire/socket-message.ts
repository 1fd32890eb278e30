// GraphQL over WebSocket: the messages of graphql-transport-ws
// (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md) and of its forerunner subscriptions-transport-ws, whose
// subprotocol is called graphql-ws (https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md).

import type { RequestHead } from "../../../../../core/exchange.ts";
import type { Payload } from "../../../../../core/payload.ts";
import { asksForWebSocket, offeredSubprotocols } from "../../../../../core/websocket-request.ts";
import type { GraphqlResult } from "./http-reply.ts";
import { type GraphqlParams, isRecord, paramsOf } from "./params.ts";

/** How a server writes in one of the two protocols. */
export interface ServerWords {
  result(id: string, result: GraphqlResult): Payload;
  /** Instead of any result: the operation was refused. */
  errors(id: string, errors: readonly unknown[]): Payload;
  complete(id: string): Payload;
}

export type ClientMessage =
  | { readonly kind: "init" | "pong" | "terminate" }
  | { readonly kind: "ping"; readonly payload: unknown }
  | {
      readonly kind: "subscribe";
      readonly id: string;
      /** A text: what is wrong with them. */
      readonly params: GraphqlParams | string;
      /** The message as it came. */
      readonly written: Readonly<Record<string, unknown>>;
      readonly words: ServerWords;
    }
  | { readonly kind: "stop"; readonly id: string }
  | { readonly kind: "invalid"; readonly why: string };

export type ServerMessage =
  | {
      readonly kind: "result";
      readonly id: string;
      readonly result: Readonly<Record<string, unknown>>;
      readonly written: Readonly<Record<string, unknown>>;
    }
  /** The operation is over. */
  | { readonly kind: "end"; readonly id: string }
  | { readonly kind: "other" };

/** In the order of preference. */
const subprotocols = ["graphql-transport-ws", "graphql-ws"] as const;

/** The subprotocol that a server of ours agrees on; null: the request asks for no WebSocket that carries GraphQL. */
export function graphqlSubprotocol(head: RequestHead): string | null {
  if (!asksForWebSocket(head)) return null;
  const offered = offeredSubprotocols(head);
  return subprotocols.find((name) => offered.includes(name)) ?? null;
}

const transportWs: ServerWords = {
  result: (id, payload) => payloadOf({ id, type: "next", payload }),
  errors: (id, payload) => payloadOf({ id, type: "error", payload }),
  complete: (id) => payloadOf({ id, type: "complete" }),
};

const subscriptionsTransportWs: ServerWords = {
  result: (id, payload) => payloadOf({ id, type: "data", payload }),
  errors: (id, [error]) => payloadOf({ id, type: "error", payload: error }), // one object, not a list
  complete: (id) => payloadOf({ id, type: "complete" }),
};

/** Never throws. `parse`: JSON.parse, or an exact one. */
export function readClientMessage(
  bytes: Uint8Array,
  parse: (text: string) => unknown = JSON.parse,
): ClientMessage {
  const written = read(bytes, parse);
  if (written === null) return { kind: "invalid", why: "expected a JSON object with a type" };
  switch (written.type) {
    case "connection_init":
      return { kind: "init" };
    case "ping":
      return { kind: "ping", payload: written.payload };
    case "pong":
      return { kind: "pong" };
    case "connection_terminate":
      return { kind: "terminate" };
    case "subscribe":
      return started(written, transportWs);
    case "start":
      return started(written, subscriptionsTransportWs);
    case "complete":
    case "stop":
      return typeof written.id === "string" ? { kind: "stop", id: written.id } : withoutId(written);
    default:
      return { kind: "invalid", why: `unknown type ${JSON.stringify(written.type)?.slice(0, 60)}` };
  }
}

/** Never throws. What is not about a result is `other`. */
export function readServerMessage(
  bytes: Uint8Array,
  parse: (text: string) => unknown = JSON.parse,
): ServerMessage {
  const written = read(bytes, parse);
  const id = written?.id;
  if (written === null || typeof id !== "string") return { kind: "other" };
  if (written.type === "complete" || written.type === "error") return { kind: "end", id };
  const carriesResult = written.type === "next" || written.type === "data";
  if (!carriesResult || !isRecord(written.payload)) return { kind: "other" };
  return { kind: "result", id, result: written.payload, written };
}

/** A text message of JSON. */
export function payloadOf(value: unknown): Payload {
  return { binary: false, bytes: Buffer.from(JSON.stringify(value), "utf8") };
}

function started(written: Readonly<Record<string, unknown>>, words: ServerWords): ClientMessage {
  const { id } = written;
  if (typeof id !== "string" || id === "") return withoutId(written);
  return { kind: "subscribe", id, params: paramsOf(written.payload), written, words };
}

function withoutId({ type }: Readonly<Record<string, unknown>>): ClientMessage {
  return { kind: "invalid", why: `${type}: expected an id, a text` };
}

function read(bytes: Uint8Array, parse: (text: string) => unknown): Readonly<Record<string, unknown>> | null {
  try {
    const value = parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
    return isRecord(value) && typeof value.type === "string" ? value : null;
  } catch {
    return null;
  }
}
