// The head of a request on one stream: the pseudo-header fields put where rules look for them, and the checks without
// which a request must not go any further (RFC 9113 §8.2, §8.3.1).

import type { RequestHead } from "../../../core/exchange.ts";
import { type HeaderList, headerValue } from "../../../core/headers.ts";
import { connectionFields, type Field } from "./hpack/field.ts";
import type { HeaderBlock } from "./hpack/header-block.ts";

export class Http2Head implements RequestHead {
  method = "";
  scheme: "http" | "https" = "http";
  authority = "";
  path = "";
  /** Of extended CONNECT (RFC 8441); null where the request is none. */
  connectProtocol: string | null = null;
  /** Octets that the body must have; null where the head does not say. */
  contentLength: number | null = null;
  /** The content-type, where the call speaks gRPC or gRPC-Web; else null. */
  grpcType: string | null = null;
  readonly #fields: readonly Field[];
  /** Where the regular fields begin. */
  readonly #regular: number;
  #headers: HeaderList | null = null;

  constructor(fields: readonly Field[], regular: number) {
    this.#fields = fields;
    this.#regular = regular;
  }

  /** Cookie crumbs are one field here (RFC 9113 §8.2.3); a relayed request keeps them apart. */
  get headers(): HeaderList {
    this.#headers ??= joinCrumbs(this.#fields.slice(this.#regular));
    return this.#headers;
  }

  header(name: string): string | undefined {
    if (name === ":protocol") return this.connectProtocol ?? undefined;
    if (name === "cookie" || this.#headers) return this.#orHost(name, headerValue(this.headers, name));
    let found: string | undefined;
    for (let i = this.#regular; i < this.#fields.length; i++) {
      const field = this.#fields[i];
      if (field?.name === name) found = found === undefined ? field.value : `${found}, ${field.value}`;
    }
    return this.#orHost(name, found);
  }

  /** Rules that look at Host find what HTTP/1 would have said there. */
  #orHost(name: string, found: string | undefined): string | undefined {
    return found === undefined && name === "host" && this.authority !== "" ? this.authority : found;
  }
}

function joinCrumbs(fields: readonly Field[]): HeaderList {
  const list: [string, string][] = [];
  let crumbs: [string, string] | null = null;
  for (const field of fields) {
    if (field.name === "cookie" && crumbs) crumbs[1] += `; ${field.value}`;
    else {
      const pair: [string, string] = [field.name, field.value];
      if (field.name === "cookie") crumbs = pair;
      list.push(pair);
    }
  }
  return list;
}

/** The head, or what is wrong with it (a stream error, RFC 9113 §8.1.1). */
export function readRequestHead(block: HeaderBlock): Http2Head | string {
  const { fields } = block;
  let regular = 0;
  while (fields[regular]?.name.charCodeAt(0) === 0x3a) regular++;
  const head = new Http2Head(fields, regular);
  return readPseudo(head, fields, regular) ?? readRegular(head, fields, regular) ?? head;
}

/** Which pseudo-header fields have been seen. */
const seen = { method: 1, scheme: 2, authority: 4, path: 8, protocol: 16 } as const;

function readPseudo(head: Http2Head, fields: readonly Field[], to: number): string | null {
  let have = 0;
  for (let i = 0; i < to; i++) {
    const field = fields[i];
    if (!field) break;
    const { name, value } = field;
    if (!field.valid) return `the value of ${name} holds what no field may hold`;
    const bit = takePseudo(head, name, value);
    if (bit === 0) return `${name} is no pseudo-header field of a request`;
    if ((have & bit) !== 0) return `${name} stands there twice`;
    have |= bit;
  }
  if (head.method === "") return "a request has no :method";
  if (head.method === "CONNECT" && head.connectProtocol === null) {
    // RFC 9113 §8.5
    if ((have & (seen.scheme | seen.path)) !== 0) return "CONNECT has a :scheme or a :path";
    return head.authority === "" ? "CONNECT has no :authority" : null;
  }
  if (head.connectProtocol !== null && head.method !== "CONNECT") return ":protocol without CONNECT";
  if ((have & seen.scheme) === 0) return "a request has no :scheme";
  return head.path === "" ? "a request has no :path" : null;
}

/** Which one it is; 0: none that a request has. */
function takePseudo(head: Http2Head, name: string, value: string): number {
  switch (name) {
    case ":method":
      head.method = value;
      return seen.method;
    case ":path":
      head.path = value;
      return seen.path;
    case ":authority":
      head.authority = value;
      return seen.authority;
    case ":scheme":
      head.scheme = value === "https" ? "https" : "http";
      return seen.scheme;
    case ":protocol":
      head.connectProtocol = value;
      return seen.protocol;
    default:
      return 0;
  }
}

function readRegular(head: Http2Head, fields: readonly Field[], from: number): string | null {
  for (let i = from; i < fields.length; i++) {
    const field = fields[i];
    if (!field) break;
    const flaw = flawOf(field);
    if (flaw) return flaw;
    const { name } = field;
    // By length first: a name from the wire is compared letter by letter.
    if (name.length === 14 && name === "content-length") {
      const length = lengthOf(field.value);
      if (length < 0) return `content-length of ${JSON.stringify(field.value.slice(0, 64))}`;
      if (head.contentLength !== null && head.contentLength !== length) return "two different content-length";
      head.contentLength = length;
    } else if (name.length === 12 && name === "content-type") {
      if (field.value.startsWith("application/grpc")) head.grpcType = field.value;
    } else if (name.length === 4 && name === "host" && head.authority === "") head.authority = field.value;
  }
  return null;
}

/** The octets that a content-length says; -1 where it says nothing of use. */
export function lengthOf(value: string): number {
  return /^\d{1,15}$/.test(value) ? Number(value) : -1;
}

/** What is wrong with a regular field; null where nothing is. */
export function flawOf(field: Field): string | null {
  if (!field.valid) return `a field ${JSON.stringify(field.name.slice(0, 64))} is malformed`;
  if (field.name.charCodeAt(0) === 0x3a) return `${field.name} stands behind regular fields or in trailers`;
  if (field.ofConnection) return `${field.name} does not belong into HTTP/2`;
  return field.name === "te" && field.value !== "trailers" ? `te of ${JSON.stringify(field.value)}` : null;
}

/** What is wrong with trailers; null where nothing is (RFC 9113 §8.1). */
export function flawOfTrailers(block: HeaderBlock): string | null {
  for (const field of block.fields) {
    const flaw = flawOf(field);
    if (flaw) return flaw;
  }
  return null;
}

/** Fields that we originate: lower-case, without those of an HTTP/1 connection, one line each. */
export function fieldsForHttp2(headers: HeaderList): [string, string][] {
  const list: [string, string][] = [];
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (!connectionFields.has(lower) && (lower !== "te" || value === "trailers"))
      list.push([lower, value.trim()]);
  }
  return list;
}
