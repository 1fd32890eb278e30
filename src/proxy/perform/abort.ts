// Ends a call without an upstream: with a status of ours, or by what happens to the connection.

import { bodyOf, emptyBody } from "../../core/body.ts";
import { type Clock, pause } from "../../core/clock.ts";
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

export interface AbortDeps {
  readonly clock: Clock;
  /** Longest silence of a call that hangs. */
  readonly hangMs: number;
}

/** The terminal of `fault.abort`. `rule`: the name that the body of an HTTP status shows. */
export function abortTerminal(spec: HttpAbortSpec, rule: string, deps: AbortDeps): Terminal {
  if (spec.kind === "hang")
    return { kind: "abort", answer: (exchange) => hang(exchange, deps), fixed: null, waits: true };
  if (spec.kind === "resetStream" || spec.kind === "goAway") {
    const { code } = spec;
    const reply: Reply = { kind: "sever", how: "stream", code, goAway: spec.kind === "goAway" };
    return { kind: "abort", answer: async () => reply, fixed: null };
  }
  if (spec.kind !== "httpStatus") {
    const reply: Reply = { kind: "sever", how: spec.kind === "reset" ? "rst" : "fin" };
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

/** Silent until the client leaves, the time is over, or the rule is not in force any more: then a reset tells it so. */
async function hang(exchange: Exchange, { clock, hangMs }: AbortDeps): Promise<Reply> {
  const { signal, faultEnds } = exchange;
  // A client that has left gets what it can still get: the end of its connection.
  await pause(clock, hangMs, signal, faultEnds).catch(() => undefined);
  return { kind: "sever", how: faultEnds?.aborted ? "rst" : "fin" };
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
