// GraphQL results as HTTP replies of our own, and the heads of messages whose body is no longer the one that came.

import { bodyOf } from "../../../../../core/body.ts";
import type { Exchange, RequestHead, ResponseReply } from "../../../../../core/exchange.ts";
import { type HeaderList, headerValue, withoutHeader } from "../../../../../core/headers.ts";
import { type AnswerType, acceptInOnePiece, answerTypeOf, contentTypeOf, statusOf } from "./media-type.ts";

/** What a server says of one operation. */
export interface GraphqlResult {
  readonly data?: unknown;
  readonly errors?: readonly unknown[];
  readonly extensions?: unknown;
}

/** `executed`: false where it was refused before it ran. */
export interface Answered {
  readonly result: GraphqlResult;
  readonly executed: boolean;
}

/** Fields that describe the very bytes of a body (RFC 9110 §8, RFC 9530). */
const describing = [
  "content-length",
  "transfer-encoding",
  "content-encoding",
  "content-md5",
  "digest",
  "content-digest",
  "repr-digest",
  "etag",
  "trailer",
];

/** The fields without those that were true of another body only. */
export function withoutBodyFields(headers: HeaderList): HeaderList {
  return describing.reduce<HeaderList>((left, name) => withoutHeader(left, name), headers);
}

/** The reply to one operation, or to a batch of them. */
export function replyWith(head: RequestHead, answers: readonly Answered[], batch: boolean): ResponseReply {
  const type = jsonTypeOf(head);
  const results = answers.map(({ result }) => result);
  // In a batch the operations have their own fates, and the status can tell only one.
  const executed = batch || answers.every((answer) => answer.executed);
  return jsonReply(statusOf(type, executed), type, batch ? results : results[0]);
}

/** The reply to what is no GraphQL request: errors, with the status that a server would give. */
export function malformedReply(head: RequestHead, status: number, message: string): ResponseReply {
  const reply = jsonReply(status, jsonTypeOf(head), { errors: [{ message }] });
  return status === 405 ? { ...reply, headers: [...reply.headers, ["allow", "GET, POST"]] } : reply;
}

export function jsonReply(status: number, type: AnswerType, value: unknown): ResponseReply {
  const headers: HeaderList = [["content-type", contentTypeOf(type)]];
  return {
    kind: "response",
    status,
    reason: "",
    headers,
    body: bodyOf(Buffer.from(JSON.stringify(value), "utf8")),
  };
}

/** What takes neither kind of JSON gets JSON all the same: an answer is better than none (RFC 9110 §15.5.7). */
export function jsonTypeOf(head: RequestHead): AnswerType {
  const type = answerTypeOf(head.header("accept"));
  return type === "graphql" ? "graphql" : "json";
}

/** The exchange with another request, whose answer is to come in one piece. */
export function withRequest(
  exchange: Exchange,
  change: { readonly path?: string; readonly bytes?: Uint8Array },
): Exchange {
  const { head } = exchange;
  const headers = (change.bytes === undefined ? head.headers : withoutBodyFields(head.headers)).map(
    ([name, value]) => [name, name.toLowerCase() === "accept" ? acceptInOnePiece(value) : value] as const,
  );
  const changed = {
    id: exchange.id,
    connection: exchange.connection,
    signal: exchange.signal,
    body: change.bytes === undefined ? exchange.body : bodyOf(change.bytes),
    head: {
      method: head.method,
      scheme: head.scheme,
      authority: head.authority,
      path: change.path ?? head.path,
      headers,
      header: (name: string) => headerValue(headers, name),
    },
  };
  return exchange.note ? { ...changed, note: (text) => exchange.note?.(text) } : changed;
}
