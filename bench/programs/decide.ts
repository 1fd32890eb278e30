// Prints the nanoseconds of one decision among as many rules as its argument says. No rule claims the calls.

import type { ConnectionFacts } from "../../src/core/connection.ts";
import { relayTerminal } from "../../src/core/effect.ts";
import type { RequestHead } from "../../src/core/exchange.ts";
import { type HeaderList, headerValue } from "../../src/core/headers.ts";
import type { RuleSpec } from "../../src/core/rule.ts";
import type { Roll, RuleSet } from "../../src/core/rule-set.ts";
import { compileRules } from "../../src/proxy/match/compile.ts";
import { calledHost, realisticRequest } from "../requests.ts";
import { type BenchRule, rulesOf } from "../rules.ts";

const decisions = 300_000;
const heads = 256;

const set = compileRules(rulesOf(Number(process.argv[2])).map(specOf), relayPlan, "bench");
if ("problems" in set) throw new Error(`the rules do not compile: ${JSON.stringify(set.problems[0])}`);

const connection: ConnectionFacts = {
  id: "c1",
  direction: "outbound",
  downstream: { host: "127.0.0.1", port: 40_000 },
  originalDestination: { host: "127.0.0.1", port: 80 },
};
const roll: Roll = { nowMs: 0, seed: 1, activeCalls: () => 0, stateOf: () => undefined };
const calls = Array.from({ length: heads }, (_, index) => headOf(`/v2/orders/${index}?currency=eur`));

measure(set); // warms up
const rounds = Array.from({ length: 5 }, () => measure(set)).sort((a, b) => a - b);
process.stdout.write(`${rounds[2]}\n`);

/** Nanoseconds of one decision. */
function measure(rules: RuleSet): number {
  const startedAt = performance.now();
  for (let index = 0; index < decisions; index++) {
    const head = calls[index % heads];
    if (head === undefined || rules.decide(head, connection, roll) !== null)
      throw new Error("a rule claimed the call");
  }
  return ((performance.now() - startedAt) * 1e6) / decisions;
}

function headOf(path: string): RequestHead {
  const headers: HeaderList = realisticRequest.headers;
  return {
    method: "GET",
    scheme: "http",
    authority: calledHost,
    path,
    headers,
    header: (name) => headerValue(headers, name),
  };
}

function relayPlan() {
  return { effects: [], terminal: relayTerminal };
}

function specOf(rule: BenchRule): RuleSpec {
  const { path } = rule;
  return {
    name: rule.name,
    priority: 100,
    matches: [
      {
        host: { op: "exact", value: rule.host },
        ...(rule.method === null ? {} : { method: { op: "exact", value: rule.method } as const }),
        path: { op: rule.byPrefix ? "prefix" : "exact", value: path },
      },
    ],
    scope: {
      percentage: 100,
      decideBy: { by: "request" },
      expiresAtMs: null,
      ttlMs: null,
      headers: [],
      baggage: [],
      maxActive: null,
    },
    state: null,
    respond: null,
    fault: null,
    patch: null,
    origin: "bench",
  };
}
