// A mocked GraphQL server as its carriers see it: HTTP hands it requests, WebSockets hand it operations.

import type { Exchange, Handler } from "../../../../../core/exchange.ts";
import type { Answered, GraphqlResult } from "../wire/http-reply.ts";
import type { GraphqlParams } from "../wire/params.ts";

/** Answers one operation: once, or as often as a subscription has events. It ends with the signal of the exchange. */
export type AnswerOperation = (
  params: GraphqlParams,
  exchange: Exchange,
) => Answered | Promise<Answered> | AsyncIterable<GraphqlResult>;

export interface GraphqlMock {
  readonly overHttp: Handler;
  readonly operation: AnswerOperation;
}
