// Telling a request for a WebSocket from any other: the same rule for matching and for the lanes.

import type { RequestHead } from "./exchange.ts";

/** RFC 6455 §4.1 (an Upgrade to `websocket`), or RFC 8441 §4 (an extended CONNECT whose `:protocol` is `websocket`). */
export function asksForWebSocket(head: RequestHead): boolean {
  if (head.method === "CONNECT") return head.header(":protocol") === "websocket";
  const upgrade = head.header("upgrade");
  return upgrade !== undefined && hasToken(upgrade, "websocket");
}

/** The subprotocols that the client offers, in its order. */
export function offeredSubprotocols(head: RequestHead): readonly string[] {
  const offered = head.header("sec-websocket-protocol");
  if (offered === undefined) return [];
  return offered
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function hasToken(list: string, token: string): boolean {
  if (list.length === token.length) return list.toLowerCase() === token;
  return list.split(",").some((item) => item.trim().toLowerCase() === token);
}
