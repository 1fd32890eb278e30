// Exchanges with another head or body, for the steps that change what goes upstream.

import type { Body, Exchange, RequestHead } from "../../core/exchange.ts";
import { type HeaderList, headerValue } from "../../core/headers.ts";

/** The exchange with another request body. Field by field, because an exchange may be an instance with lazy members. */
export function withRequestBody(exchange: Exchange, body: Body): Exchange {
  return withRequest(exchange, exchange.head, body);
}

/** The exchange with another request head and body. */
export function withRequest(exchange: Exchange, head: RequestHead, body: Body): Exchange {
  return {
    id: exchange.id,
    connection: exchange.connection,
    head,
    body,
    signal: exchange.signal,
    ...(exchange.faultEnds ? { faultEnds: exchange.faultEnds } : {}),
    ...(exchange.note ? { note: (text) => exchange.note?.(text) } : {}),
  };
}

/** The exchange of a call that suffers a fault until `faultEnds` aborts. */
export function withFaultEnd(exchange: Exchange, faultEnds: AbortSignal): Exchange {
  return { ...withRequest(exchange, exchange.head, exchange.body), faultEnds };
}

/** The head with another list of fields. The authority stays, so that the call still goes where it was going. */
export function withRequestHeaders(head: RequestHead, headers: HeaderList): RequestHead {
  return {
    method: head.method,
    scheme: head.scheme,
    authority: head.authority,
    path: head.path,
    headers,
    header: (name) => headerValue(headers, name),
  };
}
