// Requests to one member over a stream of its own, with bodies of any reasonable size: what is too large for a query. Serf has
// nothing like it; only our members answer. An answer repeats the nonce of its request, so that nobody can put a recorded one,
// such as of rules of last week, in its place.

import { UnderstudyError } from "../../../core/errors.ts";
import { fetchedStruct, fetchStruct, serfType } from "../wire/serf-messages.ts";
import { attempt } from "../wire/wire-fault.ts";
import type { MeshQuestion } from "./queries.ts";

/** Of a request or an answer: what is left of the largest stream message for everything around it. */
export const maxFetchBytes = 8 * 1_024 * 1_024;

/** Bytes that nobody can foresee; longer ones are not repeated. */
export const nonceBytes = 16;

/** A request as it was read. */
export interface FetchRequest extends MeshQuestion {
  readonly nonce: Buffer;
}

/** The body of a request. Throws `bad_message` where it is too large. */
export function fetchRequest(from: string, name: string, payload: Uint8Array, nonce: Buffer): Buffer {
  if (payload.length > maxFetchBytes || name.length > 256)
    throw new UnderstudyError(
      "bad_message",
      `gossip fetch ${JSON.stringify(name.slice(0, 100))}: expected at most ${maxFetchBytes} bytes, got ${payload.length}`,
    );
  const request = { From: from, Name: name, Nonce: nonce, Payload: Buffer.from(payload) };
  return fetchStruct.message(serfType.fetch, request);
}

/** null: the body is no such request. */
export function readFetchRequest(body: Buffer): FetchRequest | null {
  if (body[0] !== serfType.fetch) return null;
  const read = attempt(() => fetchStruct.parse(body, 1));
  if (typeof read === "string" || read.Nonce.length > nonceBytes) return null;
  return { name: read.Name, payload: read.Payload, from: read.From, nonce: Buffer.from(read.Nonce) };
}

/** null, and what is too large: there is no answer. */
export function fetchAnswer(payload: Uint8Array | null, nonce: Buffer): Buffer {
  const found = payload !== null && payload.length <= maxFetchBytes;
  const Payload = found ? Buffer.from(payload) : Buffer.alloc(0);
  return fetchedStruct.message(serfType.fetched, { Found: found, Nonce: nonce, Payload });
}

/** The payload; null: the member has no answer; undefined: that is none, or none to the request with this nonce. */
export function readFetchAnswer(body: Buffer, nonce: Buffer): Buffer | null | undefined {
  if (body[0] !== serfType.fetched) return undefined;
  const read = attempt(() => fetchedStruct.parse(body, 1));
  if (typeof read === "string" || !read.Nonce.equals(nonce)) return undefined;
  return read.Found ? Buffer.from(read.Payload) : null;
}
