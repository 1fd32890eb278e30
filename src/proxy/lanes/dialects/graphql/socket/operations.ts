// The operations of one WebSocket that are answered here, by the ids that the client gave them. Each ends with its last
// result, when the client says so, or with the connection.

import { messageOf } from "../../../../../core/errors.ts";
import type { Exchange } from "../../../../../core/exchange.ts";
import type { Payload } from "../../../../../core/payload.ts";
import type { AnswerOperation } from "../mock/graphql-mock.ts";
import type { GraphqlResult } from "../wire/http-reply.ts";
import type { GraphqlParams } from "../wire/params.ts";
import type { ServerWords } from "../wire/socket-message.ts";

/** On one connection: fewer than the scripts that a rule may run there, so that messages are always read. */
export const maxOperations = 50;

/** `error` ends an operation in both protocols: the client hears that it may ask again, and then asks the real server. */
const withdrawn = "the rule that answered this operation is not in force any more";

export interface SocketOperation {
  readonly id: string;
  readonly params: GraphqlParams | string;
  readonly words: ServerWords;
}

export class SocketOperations {
  readonly #running = new Map<string, AbortController>();
  readonly #answer: AnswerOperation;

  constructor(answer: AnswerOperation) {
    this.#answer = answer;
  }

  has(id: string): boolean {
    return this.#running.has(id);
  }

  /** The client wants no more of it: from now on nothing is sent for that id. False: it does not run here. */
  stop(id: string): boolean {
    const running = this.#running.get(id);
    this.#running.delete(id);
    running?.abort();
    return running !== undefined;
  }

  stopAll(): void {
    for (const id of [...this.#running.keys()]) this.stop(id);
  }

  /**
   * Answers one operation to its end, which is told the client also where it is that of the rule. Rejects where `send` does,
   * which is where the connection is gone.
   */
  async run(
    operation: SocketOperation,
    exchange: Exchange,
    send: (payload: Payload) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { id, params, words } = operation;
    if (typeof params === "string") return send(words.errors(id, [{ message: params }]));
    if (this.#running.size >= maxOperations)
      return send(words.errors(id, [{ message: `at most ${maxOperations} operations at once` }]));
    const own = new AbortController();
    this.#running.set(id, own);
    const { faultEnds } = exchange;
    const until = AbortSignal.any([signal, own.signal, ...(faultEnds ? [faultEnds] : [])]);
    const isWithdrawn = () => faultEnds?.aborted && !signal.aborted && !own.signal.aborted;
    try {
      for await (const said of this.#said(operation, params, { ...exchange, signal: until })) {
        if (own.signal.aborted) return;
        if (isWithdrawn()) break;
        await send(said);
      }
      if (isWithdrawn()) await send(words.errors(id, [{ message: withdrawn }]));
    } catch (error) {
      if (isWithdrawn()) return send(words.errors(id, [{ message: withdrawn }]));
      if (until.aborted) return;
      exchange.note?.(`graphql: ${messageOf(error)}`);
      throw error;
    } finally {
      if (this.#running.get(id) === own) this.#running.delete(id);
    }
  }

  async *#said(
    { id, words }: SocketOperation,
    params: GraphqlParams,
    exchange: Exchange,
  ): AsyncGenerator<Payload, void> {
    const answered = await this.#answer(params, exchange);
    const results = "result" in answered ? [answered.result] : answered;
    for await (const result of results) {
      if (isRefusal(result)) return yield words.errors(id, result.errors);
      yield words.result(id, result);
    }
    yield words.complete(id);
  }
}

/** Nothing was executed: the protocols have a message of its own for that, which also ends the operation. */
function isRefusal(result: GraphqlResult): result is GraphqlResult & { readonly errors: readonly unknown[] } {
  return result.data === undefined && result.errors !== undefined;
}
