// The terminal of `respond` in the words of gRPC: one reply, several in turn, or several by weight.

import type { DialectTools } from "../../../../core/dialect.ts";
import type { Terminal } from "../../../../core/effect.ts";
import type { Handler } from "../../../../core/exchange.ts";
import type { RespondSpec, RuleSpec } from "../../../../core/rule.ts";
import type { GrpcReplySpec, GrpcRespondSpec } from "../../../../core/rule-grpc.ts";
import type { RulePath } from "../../../../core/rule-problem.ts";
import { weightedIndex } from "../../../../core/weighted-index.ts";
import { grpcMock } from "./respond.ts";
import type { Descriptors } from "./rule-types.ts";

export function isGrpcRespond(spec: RespondSpec): spec is GrpcRespondSpec {
  return spec.kind === "grpc" || spec.kind === "grpc-cycle" || spec.kind === "grpc-random";
}

/** Throws RuleProblem. A cycle starts with its first reply whenever the rule is planned. */
export function grpcTerminal(
  spec: GrpcRespondSpec,
  rule: RuleSpec,
  descriptors: Descriptors,
  tools: DialectTools,
): Terminal {
  const mock = (reply: GrpcReplySpec, path: RulePath) => grpcMock(reply, rule, descriptors, tools, path);
  switch (spec.kind) {
    case "grpc":
      return { kind: "mock", answer: mock(spec, ["respond", "grpc"]), fixed: null, waits: waits([spec]) };
    case "grpc-cycle": {
      const answers = spec.replies.map((reply, index) => mock(reply, ["respond", "cycle", index, "grpc"]));
      let turn = 0;
      return {
        kind: "mock",
        answer: (exchange) => pick(answers, turn++ % answers.length)(exchange),
        fixed: null,
        waits: waits(spec.replies),
      };
    }
    case "grpc-random": {
      const answers = spec.choices.map(({ reply }, index) =>
        mock(reply, ["respond", "random", index, "grpc"]),
      );
      const weights = spec.choices.map(({ weight }) => weight);
      const draw: Handler = (exchange) => pick(answers, weightedIndex(weights, tools.random))(exchange);
      return {
        kind: "mock",
        answer: draw,
        fixed: null,
        waits: waits(spec.choices.map(({ reply }) => reply)),
      };
    }
    default:
      return spec satisfies never;
  }
}

function waits(replies: readonly GrpcReplySpec[]): boolean {
  return replies.some(
    ({ delay, messages }) => delay !== null || messages.some((each) => each.delay !== null),
  );
}

function pick(answers: readonly Handler[], index: number): Handler {
  const answer = answers[index];
  if (!answer) throw new RangeError(`no reply ${index} of ${answers.length}`);
  return answer;
}
