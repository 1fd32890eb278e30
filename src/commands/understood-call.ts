// What a described call would be on the wire: people leave out what every client adds, and write messages as JSON. Whatever
// is assumed is told.

import { messageOf } from "../core/errors.ts";
import type { RequestHead } from "../core/exchange.ts";
import { type HeaderList, headerValue, withHeader } from "../core/headers.ts";
import type { RuleSpec } from "../core/rule.ts";
import { postOfDocument } from "../proxy/lanes/dialects/graphql/bare-document.ts";
import { describeGrpcCall } from "../proxy/lanes/dialects/grpc/described-call.ts";
import { createDescriptorFiles } from "../proxy/lanes/dialects/grpc/descriptor-files.ts";
import { methodOf } from "../proxy/lanes/dialects/grpc/flavour.ts";
import type { Schema } from "../proxy/lanes/dialects/grpc/schema.ts";
import type { DescribedCall } from "../proxy/match/explain.ts";
import { usage, type WrittenCall } from "./described-call.ts";

export interface UnderstoodCall {
  readonly call: DescribedCall;
  /** One line each; empty where everything was said. */
  readonly understood: readonly string[];
}

/** `specs`: the rules, which compiled. Throws `usage` where what the call carries cannot be. */
export function understand(written: WrittenCall, specs: readonly RuleSpec[]): UnderstoodCall {
  const schemas = schemasOf(specs);
  const typed = withContentType(written, specs, schemas);
  const { connection, message } = written;
  const rest = { connection, ...(message === null ? {} : { message }) };
  try {
    const grpc = describeGrpcCall(typed.head, typed.data, schemas);
    if (grpc === null)
      return { call: { ...rest, head: typed.head, body: typed.data }, understood: typed.understood };
    const head = withHeaders(typed.head, grpc.headers);
    return { call: { ...rest, head, body: grpc.body }, understood: [grpc.understood] };
  } catch (cause) {
    throw usage(`--data: ${messageOf(cause)}`, cause);
  }
}

function schemasOf(specs: readonly RuleSpec[]): readonly Schema[] {
  const read = createDescriptorFiles();
  const named = new Map(specs.flatMap(({ descriptors = [] }) => [[descriptors.join("\0"), descriptors]]));
  return [...named.values()].filter((paths) => paths.length > 0).map(read);
}

interface Typed extends Pick<WrittenCall, "head" | "data"> {
  readonly understood: readonly string[];
}

/** The content type that a client would say. */
function withContentType(
  { head, data }: WrittenCall,
  specs: readonly RuleSpec[],
  schemas: readonly Schema[],
): Typed {
  const given = head.header("content-type");
  const text = Buffer.from(data).toString("utf8");
  if (given === undefined && head.method === "POST" && isGrpcMethod(head, specs, schemas))
    return { head: typedAs(head, "application/grpc"), data, understood: [] };
  if (data.length === 0) return { head, data, understood: [] };
  if (given === undefined && isJson(text)) {
    const understood = ["content-type: application/json, since the body is JSON and no other is given"];
    return { head: typedAs(head, "application/json"), data, understood };
  }
  const posted =
    given === undefined || /^application\/(?:json|graphql)\b/i.test(given) ? postOfDocument(text) : null;
  if (posted === null || isJson(text)) return { head, data, understood: [] };
  const understood = [`a GraphQL document, posted as JSON: ${posted}`];
  return { head: typedAs(head, "application/json"), data: Buffer.from(posted), understood };
}

function isGrpcMethod(head: RequestHead, specs: readonly RuleSpec[], schemas: readonly Schema[]): boolean {
  const names = methodOf(head);
  if (names === null) return false;
  return (
    schemas.some((one) => one.method(names.service, names.method)) ||
    specs.some(({ matches }) =>
      matches.some(({ grpc }) => grpc?.service?.op === "exact" && grpc.service.value === names.service),
    )
  );
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === "object";
  } catch {
    return false;
  }
}

function typedAs(head: RequestHead, type: string): RequestHead {
  return withHeaders(head, withHeader(head.headers, "content-type", type));
}

function withHeaders(head: RequestHead, headers: HeaderList): RequestHead {
  return { ...head, headers, header: (name) => headerValue(headers, name) };
}
