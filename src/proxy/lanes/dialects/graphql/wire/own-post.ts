// A request of our own to the server that a call was meant for: the caller's fields, another body.

import { splitAuthority } from "../../../../../core/address.ts";
import type { Exchange } from "../../../../../core/exchange.ts";
import type { HeaderList } from "../../../../../core/headers.ts";
import { pathOf } from "../../../../../core/query.ts";
import type { OwnRequest } from "../deps.ts";
import { withoutBodyFields } from "./http-reply.ts";

/** Fields of the connection, and those that the new request has of its own. */
const notCopied = new Set([
  "host",
  "connection",
  "content-type",
  "accept",
  "expect",
  "te",
  "upgrade",
  "keep-alive",
  "proxy-connection",
  "proxy-authorization",
]);

/** null where the call names nobody, or a name without an address. The credentials go along: a server may tell each caller something else. */
export function ownPost({ head, connection }: Exchange, value: unknown): OwnRequest | null {
  const named = splitAuthority(head.authority);
  const port = named?.port ?? (head.scheme === "https" ? 443 : 80);
  const destination = connection.originalDestination ?? (named && { host: named.host, port });
  if (!destination || connection.nowhere !== undefined) return null;
  return {
    scheme: head.scheme,
    destination,
    authority: head.authority,
    path: pathOf(head.path),
    headers: [
      ...ownFields(head.headers),
      ["content-type", "application/json"],
      ["accept", "application/json"],
    ],
    body: Buffer.from(JSON.stringify(value), "utf8"),
  };
}

function ownFields(headers: HeaderList): HeaderList {
  return withoutBodyFields(headers).filter(
    ([name]) => !/^(?::|sec-websocket-)/i.test(name) && !notCopied.has(name.toLowerCase()),
  );
}
