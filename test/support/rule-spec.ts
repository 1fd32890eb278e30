// Rules for tests: what is not given is what a user gets who leaves it out.

import type { ReplySpec, RespondSpec, RuleSpec, ScopeSpec } from "../../src/core/rule.ts";

export const wideScope: ScopeSpec = {
  percentage: 100,
  decideBy: { by: "request" },
  expiresAtMs: null,
  ttlMs: null,
  headers: [],
  baggage: [],
  maxActive: null,
};

export function ruleSpec(given: Partial<RuleSpec>): RuleSpec {
  return {
    name: "rule",
    priority: 100,
    matches: [],
    scope: wideScope,
    state: null,
    respond: null,
    fault: null,
    patch: null,
    origin: "test",
    ...given,
  };
}

/** A mock that answers with plain text. */
export function replyWith(text: string, given: Partial<ReplySpec> = {}): RespondSpec {
  const body = { kind: "text", text } as const;
  return {
    kind: "reply",
    reply: {
      status: 200,
      reason: "",
      headers: [],
      body,
      template: false,
      trailers: [],
      delay: null,
      ...given,
    },
  };
}

export const noFault: NonNullable<RuleSpec["fault"]> = {
  delay: null,
  abort: null,
  throttle: null,
  slice: null,
  truncate: null,
  corrupt: null,
};
