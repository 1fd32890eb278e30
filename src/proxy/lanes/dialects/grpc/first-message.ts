// The first message of a request, as JSON: what conditions and templates look at.

import type { CallFacts } from "../../../../core/dialect.ts";
import type { RequestHead } from "../../../../core/exchange.ts";
import { decodeMessage } from "./decode.ts";
import { encodeMessage } from "./encode.ts";
import { envelopeBytes, firstEnvelope, fromText, inflate, isEnveloped, unzip } from "./envelope.ts";
import { type Flavour, flavourOf } from "./flavour.ts";
import type { MessageType } from "./message-type.ts";

/** Largest message that is looked into, without its compression. */
export const maxMessageBytes = 4_194_304;

/** How much of the stream is its first message, as far as `payload` tells; of one without envelopes only the end is known. */
export function bytesOfFirst(head: RequestHead, payload: Uint8Array): number {
  const flavour = flavourOf(head);
  if (flavour === null || !isEnveloped(flavour)) return Number.POSITIVE_INFINITY;
  if (flavour.name !== "grpc-web-text") return envelopeBytes(payload);
  const stream = fromText(payload);
  const missing = envelopeBytes(stream) - stream.length;
  if (missing <= 0) return payload.length;
  // Four characters hold three octets at most; fewer where padding stands inside, and then it is asked again.
  return payload.length - (payload.length % 4) + 4 * Math.ceil(missing / 3);
}

/** The message as it was coded; null: there is none, or none that can be had. */
export function firstPayload(
  head: RequestHead,
  body: Uint8Array | null,
  flavour: Flavour,
): Uint8Array | null {
  if (head.method === "GET") return messageInQuery(head.path);
  if (body === null) return null;
  if (!isEnveloped(flavour)) return body.length > maxMessageBytes ? null : body;
  const found = firstEnvelope(flavour.name === "grpc-web-text" ? fromText(body) : body);
  return found && inflate(found, head.headers, maxMessageBytes);
}

/** connectrpc.com/docs/protocol "Unary-Get-Request". */
function messageInQuery(path: string): Uint8Array | null {
  const query = new URLSearchParams(path.slice(path.indexOf("?") + 1));
  const text = query.get("message");
  if (text === null) return null;
  const payload = Buffer.from(text, query.get("base64") === "1" ? "base64url" : "utf8");
  const coding = query.get("compression") || "identity";
  return coding === "identity" ? payload : unzip(payload, coding, maxMessageBytes);
}

/** The message as JSON text; null where it is none of this type. `type` null: not described. */
export function messageJson(payload: Uint8Array, flavour: Flavour, type: MessageType | null): Buffer | null {
  if (flavour.codec === "json") return type === null ? Buffer.from(payload) : asSpelled(payload, type);
  if (flavour.codec !== "proto" || type === null) return null;
  try {
    return Buffer.from(JSON.stringify(decodeMessage(payload, type)));
  } catch {
    return null; // no message of this type
  }
}

/** JSON has several spellings of one message: zeros may be left out, names be those of the `.proto` file. */
function asSpelled(payload: Uint8Array, type: MessageType): Buffer {
  try {
    const json: unknown = JSON.parse(Buffer.from(payload).toString("utf8"));
    return Buffer.from(JSON.stringify(decodeMessage(encodeMessage(json, type), type)));
  } catch {
    return Buffer.from(payload); // not of this type: what it says is still there to be looked at
  }
}

interface Seen {
  readonly type: MessageType | null;
  readonly json: Buffer | null;
}

/** Decodes once for all rules that look at one call. */
export class FirstMessages {
  readonly #seen = new WeakMap<Uint8Array, Seen>();

  /** As JSON text; null: there is none, it is too large, or not of this type. */
  jsonOf({ head, body }: CallFacts, type: MessageType | null): Buffer | null {
    const known = body === null ? undefined : this.#seen.get(body);
    if (known && known.type === type) return known.json;
    const flavour = flavourOf(head);
    const payload = flavour && firstPayload(head, body, flavour);
    const json = payload && flavour && messageJson(payload, flavour, type);
    if (body !== null) this.#seen.set(body, { type, json });
    return json;
  }
}
