// What a template sees of a call: `request`, made of plain data, each part worked out when it is first looked at.

import { cookiePairs } from "../../core/cookies.ts";
import type { Exchange, RequestHead } from "../../core/exchange.ts";
import { pathOf, queryPairs } from "../../core/query.ts";
import { parseJson } from "./json-document.ts";

/** Names that may follow `request.` in a template. */
export const requestFields: ReadonlySet<string> = new Set([
  "method",
  "scheme",
  "host",
  "authority",
  "url",
  "path",
  "pathSegments",
  "query",
  "headers",
  "cookies",
  "body",
  "json",
]);

export interface TemplateRequest {
  readonly method: string;
  readonly scheme: string;
  /** Authority without its port. */
  readonly host: string;
  readonly authority: string;
  /** Path with query, as sent. */
  readonly url: string;
  /** Path without query, as sent. */
  readonly path: string;
  /** Decoded: `["users", "7"]` for `/users/7`. */
  readonly pathSegments: readonly string[];
  /** First value of each parameter. */
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case; repeated fields joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: Readonly<Record<string, string>>;
  /** As UTF-8 text. Throws where the body could not be held whole. */
  readonly body: string;
  /** The body as JSON, integers beyond 2^53 as bigint; undefined where it is not JSON. */
  readonly json: unknown;
}

/** The body as it could be had: the decoded bytes, or why there are none. */
export type TemplateBody = { readonly bytes: Uint8Array } | { readonly problem: string };

/** The `request` of one call. */
export function templateRequest(exchange: Exchange, body: TemplateBody): TemplateRequest {
  const { head } = exchange;
  const pathSegments = lazy(() => segmentsOf(pathOf(head.path)));
  const query = lazy(() => firstValues(queryPairs(head.path)));
  const headers = lazy(() => headersOf(head));
  const cookies = lazy(() => firstValues(cookiePairs(head.header("cookie"))));
  const text = lazy(() => {
    if ("problem" in body) throw new Error(`request.body: ${body.problem}`);
    return new TextDecoder().decode(body.bytes);
  });
  const json = lazy(() => parseOrNothing(text()));
  // Getters of its own, because templates may not look up anything that is inherited.
  return {
    method: head.method,
    scheme: head.scheme,
    authority: head.authority,
    url: head.path,
    host: head.authority.replace(/:\d*$/, ""),
    path: pathOf(head.path),
    get pathSegments() {
      return pathSegments();
    },
    get query() {
      return query();
    },
    get headers() {
      return headers();
    },
    get cookies() {
      return cookies();
    },
    get body() {
      return text();
    },
    get json() {
      return json();
    },
  };
}

/** The `request` of one call with another `json`: what a dialect has read out of it. The body stays unread. */
export function templateRequestWith(exchange: Exchange, json: unknown): TemplateRequest {
  const request = templateRequest(exchange, { problem: "cannot be seen here" });
  // Descriptors, because the parts are worked out when they are first looked at.
  const parts = Object.getOwnPropertyDescriptors(request);
  return Object.defineProperties({} as TemplateRequest, {
    ...parts,
    json: { value: json, enumerable: true },
  });
}

function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Without a prototype, so that a field called `constructor` is data like any other. */
function firstValues(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const values: Record<string, string> = Object.create(null);
  for (const [name, value] of pairs) values[name] ??= value;
  return values;
}

function headersOf(head: RequestHead): Record<string, string> {
  const values: Record<string, string> = Object.create(null);
  for (const [name, value] of head.headers) {
    const key = name.toLowerCase();
    const before = values[key];
    values[key] = before === undefined ? value : `${before}, ${value}`; // RFC 9110 §5.3
  }
  return values;
}

function segmentsOf(path: string): readonly string[] {
  const segments = path.split("/").map((segment) => {
    try {
      return decodeURIComponent(segment);
    } catch {
      return segment; // A stray percent sign stays what it is.
    }
  });
  return path.startsWith("/") ? segments.slice(1) : segments;
}

/** Longer integers are numbers of no use as identifiers, and costly to convert. */
const maxIntegerLength = 40;

function parseOrNothing(text: string): unknown {
  // An identifier of 64 bits must come out as it went in.
  const keep = (written: string) =>
    /^-?\d+$/.test(written) && written.length <= maxIntegerLength ? BigInt(written) : Number(written);
  try {
    return parseJson(text, keep);
  } catch {
    return undefined;
  }
}
