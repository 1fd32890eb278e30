// The terminal of `respond`: one reply, several in turn, or several by weight.

import type { Terminal } from "../../core/effect.ts";
import type { Handler } from "../../core/exchange.ts";
import type { HttpRespondSpec, ReplySpec } from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import { weightedIndex } from "../../core/weighted-index.ts";
import { type PreparedReply, prepareReply, type ReplyDeps } from "./reply.ts";

/** Throws RuleProblem for a reply that could never be sent. A cycle starts with its first reply whenever the rule is planned. */
export function mockTerminal(spec: HttpRespondSpec, deps: ReplyDeps): Terminal {
  switch (spec.kind) {
    case "reply": {
      const { answer, fixed } = prepareReply(spec.reply, ["respond"], deps);
      return { kind: "mock", answer, fixed, waits: waits([spec.reply]) };
    }
    case "cycle": {
      const replies = prepareAll(spec.replies, "cycle", deps);
      return { kind: "mock", answer: inTurn(replies), fixed: null, waits: waits(spec.replies) };
    }
    case "random": {
      const { choices } = spec;
      const specs = choices.map((choice) => choice.reply);
      const replies = prepareAll(specs, "random", deps);
      const weights = choices.map((choice) => choice.weight);
      const answer: Handler = (exchange) =>
        pick(replies, weightedIndex(weights, deps.random)).answer(exchange);
      return { kind: "mock", answer, fixed: null, waits: waits(specs) };
    }
    default:
      return spec satisfies never;
  }
}

function waits(replies: readonly ReplySpec[]): boolean {
  return replies.some(({ delay }) => delay !== null);
}

function prepareAll(
  replies: readonly ReplySpec[],
  key: "cycle" | "random",
  deps: ReplyDeps,
): readonly PreparedReply[] {
  const path: RulePath = ["respond", key];
  if (replies.length === 0) throw new RuleProblem(path, "expected at least one reply, got none");
  return replies.map((reply, index) => prepareReply(reply, [...path, index], deps));
}

/** The turn is taken before anything is waited for, so that no two calls take the same one. */
function inTurn(replies: readonly PreparedReply[]): Handler {
  let turn = 0;
  return (exchange) => {
    const reply = pick(replies, turn);
    turn = (turn + 1) % replies.length;
    return reply.answer(exchange);
  };
}

function pick(replies: readonly PreparedReply[], index: number): PreparedReply {
  const reply = replies[index];
  if (!reply) throw new RangeError(`no reply ${index} of ${replies.length}`);
  return reply;
}
