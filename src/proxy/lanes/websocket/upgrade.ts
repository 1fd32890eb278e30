// From an HTTP call that asks for a WebSocket to the connection that it becomes: whether rules concern its messages is
// asked with the request; what its frames may hold is read from the reply.

import { emptyBody } from "../../../core/body.ts";
import type { Connection } from "../../../core/connection.ts";
import type { Exchange, RequestHead } from "../../../core/exchange.ts";
import { type HeaderList, headerValue } from "../../../core/headers.ts";
import type { MessageClaim, Traffic } from "../../../core/lane.ts";
import { asksForWebSocket } from "../../../core/websocket-request.ts";
import { type Deflate, readExtensions } from "./compression.ts";

/** Kept from the request until the connection has changed over. */
export interface UpgradeClaim {
  readonly claim: MessageClaim;
  /** The request, in a copy that stays. */
  readonly exchange: Exchange;
}

/** null: the request asks for no WebSocket, or no rule touches its messages: then its bytes need not be understood. */
export function claimUpgrade(
  head: RequestHead,
  connection: Connection,
  traffic: Traffic,
): UpgradeClaim | null {
  if (!asksForWebSocket(head)) return null;
  const claim = traffic.decideMessages(head, connection);
  return claim && { claim, exchange: keptExchange(head, connection) };
}

/** The exchange of an upgrade request, which has no body, with a copy of its head. */
export function keptExchange(head: RequestHead, connection: Connection): Exchange {
  const { method, scheme, authority, path } = head;
  const headers: HeaderList = head.headers.map(([name, value]) => [name, value]);
  return {
    id: connection.id,
    connection,
    head: { method, scheme, authority, path, headers, header: (name) => headerValue(headers, name) },
    body: emptyBody,
    signal: connection.signal,
  };
}

/** What the reply agreed on. `unknown`: an extension that may give frames another meaning; nobody can look inside. */
export function agreedCompression(reply: HeaderList): Deflate | null | "unknown" {
  return readExtensions(headerValue(reply, "sec-websocket-extensions"));
}
