// Asks the mock of a rule without a call: what the rule selects, its scope and its faults play no part.

import { bodyOf } from "../../core/body.ts";
import type { Exchange } from "../../core/exchange.ts";
import { type HeaderList, headerValue } from "../../core/headers.ts";
import type { Rule } from "../../core/rule-set.ts";

export interface MockRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
}

export interface MockAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** null: the rule makes no reply of its own. */
export async function askMock(
  { terminal }: Rule,
  request: MockRequest,
  signal: AbortSignal,
): Promise<MockAnswer | null> {
  if (terminal.kind !== "mock") return null;
  const reply = await terminal.answer(exchangeOf(request, signal));
  if (reply.kind !== "response") return null;
  const contentType = headerValue(reply.headers, "content-type") ?? "application/octet-stream";
  return { status: reply.status, contentType, chunks: reply.body.chunks() };
}

function exchangeOf({ method, path, headers, body }: MockRequest, signal: AbortSignal): Exchange {
  const nobody = { host: "127.0.0.1", port: 0 };
  return {
    id: "mock",
    connection: { id: "mock", direction: "outbound", downstream: nobody, originalDestination: null },
    head: {
      ...{ method, scheme: "http", authority: "localhost", path, headers },
      header: (name) => headerValue(headers, name),
    },
    body: bodyOf(body),
    signal,
  };
}
