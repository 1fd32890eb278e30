// A batch of which a rule answers some operations: the rest is asked of the server that the batch was meant for, over a
// connection of our own, and the answers stand in the order of the questions.

import { messageOf } from "../../../../../core/errors.ts";
import type { Exchange } from "../../../../../core/exchange.ts";
import type { GraphqlDeps } from "../deps.ts";
import type { OperationTest } from "../match.ts";
import type { Answered, GraphqlResult } from "../wire/http-reply.ts";
import { ownPost } from "../wire/own-post.ts";
import { bodyOfParams, type GraphqlParams, isRecord } from "../wire/params.ts";

export interface MixedBatchDeps extends Pick<GraphqlDeps, "ask" | "decodeBody" | "deadline"> {
  readonly concerns: OperationTest;
}

const maxAnswerBytes = 8_388_608;
const deadlineMs = 30_000;

/** `answer`: for an operation that the rule is about. Never rejects for what the server does wrong. */
export async function answerBatch(
  items: readonly GraphqlParams[],
  exchange: Exchange,
  answer: (params: GraphqlParams) => Answered | Promise<Answered>,
  deps: MixedBatchDeps,
): Promise<readonly Answered[]> {
  const own = items.map(deps.concerns);
  const others = items.filter((_, index) => !own[index]);
  const [answers, results] = await Promise.all([
    Promise.all(items.map((params, index) => (own[index] ? answer(params) : null))),
    others.length === 0 ? [] : askOthers(others, exchange, deps),
  ]);
  let at = 0;
  return answers.map((answered) => answered ?? { result: results[at++] ?? noAnswer, executed: true });
}

const noAnswer: GraphqlResult = { errors: [{ message: "The server gave no answer to this operation." }] };

async function askOthers(
  others: readonly GraphqlParams[],
  exchange: Exchange,
  { ask, decodeBody, deadline }: MixedBatchDeps,
): Promise<readonly GraphqlResult[]> {
  const request = ownPost(exchange, others.map(bodyOfParams));
  if (request === null) return [];
  try {
    const reply = await ask(
      request,
      maxAnswerBytes,
      AbortSignal.any([exchange.signal, deadline(deadlineMs)]),
    );
    const encoding = reply.headers.find(([name]) => name.toLowerCase() === "content-encoding")?.[1];
    const plain = decodeBody(reply.body, encoding, maxAnswerBytes);
    const value: unknown = plain === null ? null : JSON.parse(Buffer.from(plain).toString("utf8"));
    return Array.isArray(value) ? value.map((one) => (isRecord(one) ? one : noAnswer)) : [];
  } catch (thrown) {
    exchange.signal.throwIfAborted();
    exchange.note?.(`respond.graphql: the rest of the batch got no answer: ${messageOf(thrown)}`);
    return [];
  }
}
