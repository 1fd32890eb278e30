// Ends a call without an upstream: with a status of ours, or by what happens to the connection.

import { bodyOf, emptyBody } from "../../core/body.ts";
import type { FixedReply, Terminal } from "../../core/effect.ts";
import type { Exchange, Reply } from "../../core/exchange.ts";
import type { AbortSpec, HttpAbortSpec } from "../../core/rule.ts";
import { statusHasNoBody } from "./no-body.ts";

const severings = { reset: "rst", close: "fin", hang: "hang" } as const;

/** Whether it ends the connection, rather than saying something that only a protocol can say. */
export function isSevering(
  spec: AbortSpec,
): spec is Extract<AbortSpec, { readonly kind: keyof typeof severings }> {
  return Object.hasOwn(severings, spec.kind);
}

/** How the connection ends under `reset`, `close` and `hang`. */
export function severingOf(kind: keyof typeof severings): "fin" | "rst" | "hang" {
  return severings[kind];
}

/** The terminal of `fault.abort`. `rule`: the name that the body of an HTTP status shows. */
export function abortTerminal(spec: HttpAbortSpec, rule: string): Terminal {
  if (spec.kind !== "httpStatus") {
    const reply: Reply = { kind: "sever", how: severingOf(spec.kind) };
    return { kind: "abort", answer: async () => reply, fixed: null };
  }
  const fixed = statusReply(spec.status, rule);
  const answer = async (exchange: Exchange): Promise<Reply> => ({
    kind: "response",
    status: fixed.status,
    reason: fixed.reason,
    headers: fixed.headers,
    body: exchange.head.method === "HEAD" ? emptyBody : bodyOf(fixed.body),
  });
  return { kind: "abort", answer, fixed };
}

function statusReply(status: number, rule: string): FixedReply {
  if (statusHasNoBody(status)) return { status, reason: "", headers: [], body: new Uint8Array(0) };
  return {
    status,
    reason: "",
    headers: [["content-type", "text/plain; charset=utf-8"]],
    body: Buffer.from(`understudy: rule ${rule} aborts this call with status ${status}\n`),
  };
}
