// Reads GraphQL out of an HTTP request: POST with JSON (one operation or a batch), or GET (GraphQL over HTTP §5).
// Everything else, uploads in multipart/form-data among them, is nobody's GraphQL here and passes as it is.

import type { RequestHead } from "../../../../../core/exchange.ts";
import { queryValue } from "../../../../../core/query.ts";
import { type GraphqlParams, paramsOf } from "./params.ts";

export type HttpRequest =
  | { readonly kind: "operations"; readonly items: readonly GraphqlParams[]; readonly batch: boolean }
  /** It claims to be GraphQL and is not. `status`: what a server answers. */
  | { readonly kind: "malformed"; readonly status: number; readonly message: string };

/** Whether the head looks like GraphQL: a POST of JSON, or a GET with a document or a hash. */
export function mayBeGraphql(head: RequestHead): boolean {
  if (head.method === "POST") return isJson(head.header("content-type"));
  return (
    head.method === "GET" &&
    (queryValue(head.path, "query") !== undefined || queryValue(head.path, "extensions") !== undefined)
  );
}

/** `body`: without content coding; null where it could not be had whole. `parse`: JSON.parse, or an exact one. */
export function readHttpRequest(
  head: RequestHead,
  body: Uint8Array | null,
  parse: (text: string) => unknown = JSON.parse,
): HttpRequest {
  if (head.method === "GET") return readGet(head.path, parse);
  if (head.method !== "POST") return malformed(405, `expected GET or POST, got ${head.method}`);
  const type = head.header("content-type");
  if (!isJson(type)) return malformed(415, `expected content-type application/json, got ${type ?? "none"}`);
  if (body === null) return malformed(413, "the body is too large, or its content-encoding is unknown");
  return readPost(body, parse);
}

function readPost(body: Uint8Array, parse: (text: string) => unknown): HttpRequest {
  let value: unknown;
  try {
    value = parse(textOf(body));
  } catch {
    return malformed(400, "expected a body in JSON");
  }
  return Array.isArray(value) ? readBatch(value) : readOne(value);
}

function readOne(value: unknown): HttpRequest {
  const params = paramsOf(value);
  return typeof params === "string"
    ? malformed(400, params)
    : { kind: "operations", items: [params], batch: false };
}

function readBatch(values: readonly unknown[]): HttpRequest {
  if (values.length === 0) return malformed(400, "expected at least one operation in a batch, got none");
  const items: GraphqlParams[] = [];
  for (const [index, value] of values.entries()) {
    const params = paramsOf(value);
    if (typeof params === "string") return malformed(400, `[${index}]: ${params}`);
    items.push(params);
  }
  return { kind: "operations", items, batch: true };
}

function readGet(path: string, parse: (text: string) => unknown): HttpRequest {
  const json = (name: string): unknown => {
    const text = queryValue(path, name);
    return text === undefined || text === "" ? null : parse(text);
  };
  try {
    return readOne({
      query: queryValue(path, "query") ?? null,
      operationName: queryValue(path, "operationName") || null,
      variables: json("variables"),
      extensions: json("extensions"),
    });
  } catch {
    return malformed(400, "expected variables and extensions in JSON");
  }
}

/** RFC 8259 §8.1: JSON between systems is UTF-8; a byte order mark is skipped. */
function textOf(body: Uint8Array): string {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8");
  return text.startsWith("\uFEFF") ? text.slice(1) : text;
}

function isJson(type: string | undefined): boolean {
  return type !== undefined && /^\s*application\/(?:graphql\+)?json\s*(?:;|$)/i.test(type);
}

function malformed(status: number, message: string): HttpRequest {
  return { kind: "malformed", status, message };
}
