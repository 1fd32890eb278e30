// The trace that a call belongs to, as the usual tracers write it, in one form: 32 lower-case hex digits.

import type { RequestHead } from "../../core/exchange.ts";

/** From `traceparent` (W3C Trace Context §3.2), else `b3`, else `x-b3-traceid` (openzipkin/b3-propagation); undefined without any. */
export function traceIdOf(head: RequestHead): string | undefined {
  const w3c = /^\s*[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(
    head.header("traceparent") ?? "",
  );
  const single = /^\s*([0-9a-f]{32}|[0-9a-f]{16})-/i.exec(head.header("b3") ?? "");
  const multi = /^\s*([0-9a-f]{32}|[0-9a-f]{16})\s*$/i.exec(head.header("x-b3-traceid") ?? "");
  for (const found of [w3c, single, multi]) {
    // A tracer of 64-bit ids shares traces with one of 128-bit ids by leading zeros.
    const id = found?.[1]?.toLowerCase().padStart(32, "0");
    if (id !== undefined && !/^0+$/.test(id)) return id;
  }
  return undefined;
}
