// Bodies that were read and go on: the bytes as the body that they came from.

import { streamBody } from "../../../../../core/body.ts";
import type { Body, Exchange } from "../../../../../core/exchange.ts";

/** Same declared length, same trailers. */
export function putBack(bytes: Uint8Array, original: Body): Body {
  const chunks = async function* () {
    if (bytes.length > 0) yield bytes;
  };
  return streamBody(original.lengthBytes, chunks, () => original.trailers());
}

/** The exchange with another body under the same head. */
export function withBody(exchange: Exchange, body: Body): Exchange {
  const { id, connection, head, signal } = exchange;
  const changed = { id, connection, head, signal, body };
  return exchange.note ? { ...changed, note: (text) => exchange.note?.(text) } : changed;
}
