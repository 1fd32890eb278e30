// Rules about messages for a session in memory: compiled as in the program, asked as by the pipeline.

import type { Claim, Traffic } from "../../src/core/lane.ts";
import { seededRandom } from "../../src/core/random.ts";
import type { RuleSet } from "../../src/core/rule-set.ts";
import { compileRules } from "../../src/proxy/match/compile.ts";
import { createPlanner } from "../../src/proxy/perform/plan.ts";
import { rulesOf } from "../proxy/lanes/websocket/sockets.ts";
import { manualClock } from "../support/manual-clock.ts";

function compiled(text: string): RuleSet {
  const planner = createPlanner({
    clock: manualClock(),
    random: seededRandom(1),
    maxBodyBytes: 1_048_576,
    hangMs: 1_000,
  });
  const set = compileRules(rulesOf(text), planner, "test");
  if ("problems" in set) throw new Error(set.problems.map(({ problem }) => problem.message).join("\n"));
  return set;
}

/** The first rule claims every call, and answers it. */
export function answering(text: string): () => Claim {
  const [rule] = compiled(text).rules;
  if (!rule || rule.terminal.kind === "relay") throw new Error("no rule that answers");
  const { answer } = rule.terminal;
  return () => ({ kind: "claim", rule, serve: (exchange) => answer(exchange), release: () => undefined });
}

export function messageRules(text: string): Traffic["decideMessages"] {
  const set = compiled(text);
  const { signal: ends } = new AbortController();
  const roll = {
    nowMs: 0,
    steadyMs: 0,
    seed: 0,
    activeCalls: () => 0,
    hasRoom: () => true,
    faultsHalted: false,
    stateOf: () => undefined,
  };
  return (head, connection) => {
    const rules = set.decideMessages(head, connection, roll);
    return rules.length === 0
      ? null
      : { rules: rules.map((rule) => ({ ...rule, ends })), release: () => undefined };
  };
}
