// A gRPC call as a person describes it: the message as JSON, or as bytes with or without the five before it, becomes what
// would be on the wire, and it is told what was made of it.

import type { RequestHead } from "../../../../core/exchange.ts";
import { type HeaderList, withHeader } from "../../../../core/headers.ts";
import { formatRulePath } from "../../../../core/rule-problem.ts";
import { decodeMessage } from "./decode.ts";
import { encodeMessage, MessageMismatch } from "./encode.ts";
import { envelope, firstEnvelope, fromText, isEnveloped } from "./envelope.ts";
import { firstPayload, messageJson } from "./first-message.ts";
import { type Flavour, flavourOf, methodOf } from "./flavour.ts";
import type { MessageType } from "./message-type.ts";
import type { Schema } from "./schema.ts";

export interface DescribedGrpcCall {
  readonly headers: HeaderList;
  readonly body: Uint8Array;
  /** For people: what was understood. */
  readonly understood: string;
}

/**
 * `data`: what was given as the message. `schemas`: where its type is looked for; without it, JSON is compared as written.
 * null: the head is of no gRPC call. Throws Error where `data` is no message of the type.
 */
export function describeGrpcCall(
  head: RequestHead,
  data: Uint8Array,
  schemas: readonly Schema[],
): DescribedGrpcCall | null {
  const [flavour, names] = [flavourOf(head), methodOf(head)];
  if (flavour === null || names === null || head.method === "GET") return null;
  const call = `a ${nameOf(flavour)} call of ${names.service}/${names.method}`;
  const type = schemas.map((one) => one.method(names.service, names.method)).find(Boolean)?.request ?? null;
  const described = (body: Uint8Array, message: string, headers = head.headers): DescribedGrpcCall => ({
    ...{ headers, body },
    understood: `${call} ${message}`,
  });
  if (data.length === 0) return described(data, "without a message");
  if (isOnWire(data, flavour)) return described(data, messageOnWire(head, data, flavour, type));
  const json = jsonIn(data);
  if (json !== null && flavour.codec === "json")
    return described(onWire(data, flavour), `with ${printed(json)}`);
  const why = type === null ? undescribed(names, schemas) : "";
  if (json !== null && type === null) {
    const headers = spokenInJson(head.headers, flavour);
    return described(onWire(data, flavour), `with ${printed(json)}, compared as written: ${why}`, headers);
  }
  if (type === null) throw new Error(`expected ${forms}: ${why}`);
  const message = json === null ? bareMessage(data, type) : encoded(json, type);
  return described(onWire(message, flavour), `with ${printed(decodeMessage(message, type))}`);
}

const forms = "a message as JSON, or its bytes with the five before them";

function nameOf({ name }: Flavour): string {
  if (name === "grpc") return "gRPC";
  return name.startsWith("grpc-web") ? "gRPC-Web" : "Connect";
}

/** At least one message in its envelope. */
function isOnWire(data: Uint8Array, flavour: Flavour): boolean {
  if (!isEnveloped(flavour)) return false;
  const stream = flavour.name === "grpc-web-text" ? fromText(data) : data;
  return firstEnvelope(stream) !== null;
}

function messageOnWire(
  head: RequestHead,
  data: Uint8Array,
  flavour: Flavour,
  type: MessageType | null,
): string {
  const payload = firstPayload(head, data, flavour);
  if (payload === null) return "whose message cannot be read";
  const json = messageJson(payload, flavour, type);
  return json === null
    ? `with a message of ${payload.length} bytes that cannot be read`
    : `with ${printed(JSON.parse(json.toString()))}`;
}

function jsonIn(data: Uint8Array): object | null {
  try {
    const json: unknown = JSON.parse(Buffer.from(data).toString("utf8"));
    return typeof json === "object" ? json : null;
  } catch {
    return null;
  }
}

const maxPrinted = 200;

function printed(json: unknown): string {
  const text = JSON.stringify(json);
  return text.length > maxPrinted ? `${text.slice(0, maxPrinted)}…` : text;
}

function undescribed(
  { service, method }: { readonly service: string; readonly method: string },
  schemas: readonly Schema[],
): string {
  if (schemas.length === 0) return 'no rule names "descriptors"';
  const flaws = schemas.flatMap((one) => one.flaw(service, method) ?? []);
  return flaws.find(({ key }) => key === "method")?.message ?? flaws[0]?.message ?? "";
}

/** The same call with JSON messages. */
function spokenInJson(headers: HeaderList, { name }: Flavour): HeaderList {
  if (name === "connect")
    return withHeader(
      withHeader(headers, "content-type", "application/json"),
      "connect-protocol-version",
      "1",
    );
  const kind = name === "connect-stream" ? "connect" : name;
  return withHeader(headers, "content-type", `application/${kind}+json`);
}

function encoded(json: unknown, type: MessageType): Buffer {
  try {
    return encodeMessage(json, type);
  } catch (thrown) {
    if (!(thrown instanceof MessageMismatch)) throw thrown;
    const place = thrown.path.length === 0 ? "" : `${formatRulePath(thrown.path)}: `;
    throw new Error(`${place}${thrown.message}`, { cause: thrown });
  }
}

/** As `protoc --encode` writes it. */
function bareMessage(data: Uint8Array, type: MessageType): Uint8Array {
  try {
    decodeMessage(data, type);
    return data;
  } catch (cause) {
    throw new Error(`expected ${forms}; it is neither, nor a ${type.name}`, { cause });
  }
}

function onWire(message: Uint8Array, flavour: Flavour): Uint8Array {
  if (!isEnveloped(flavour)) return message;
  const bytes = envelope(0, message);
  return flavour.name === "grpc-web-text" ? Buffer.from(bytes.toString("base64")) : bytes;
}
