// A patch of one message, request or response: its fields and its body. What cannot be patched goes on as it came, with
// a note that says why.

import { bodyOf, streamBody } from "../../core/body.ts";
import { messageOf } from "../../core/errors.ts";
import type { Body } from "../../core/exchange.ts";
import { type HeaderList, headerValue, withHeader, withoutHeader } from "../../core/headers.ts";
import type { MessagePatch } from "../../core/rule.ts";
import { type RulePath, RuleProblem } from "../../core/rule-problem.ts";
import { decodedBody } from "./content-encoding.ts";
import { checkFieldName, checkFields, withoutFraming } from "./fields.ts";
import { holdBody, putBack } from "./held-body.ts";
import { compileJsonChange, type JsonChange } from "./json-change.ts";

/** The parts of a message that a patch may change. */
export interface Message {
  readonly headers: HeaderList;
  readonly body: Body;
}

export interface MessageChange {
  /** True where the body may come out otherwise than it went in. */
  readonly changesBody: boolean;
  /** The bytes that replace the body; null where it is not replaced. */
  readonly replacement: Uint8Array | null;
  /** The fields with `removeHeaders` and `setHeaders` applied. */
  headers(headers: HeaderList): HeaderList;
  /** The message with its JSON patched, fields untouched but for those that described the old bytes. */
  json(message: Message, note: (text: string) => void): Promise<Message>;
}

/** Fields that describe the very bytes of a body, and are wrong once these have changed (RFC 9530; RFC 9110 §8.4). */
const describing: readonly string[] = [
  "content-encoding",
  "content-md5",
  "digest",
  "content-digest",
  "repr-digest",
];

/** `path`: the message's key in its rule. Throws RuleProblem for fields and JSON patches that are wrong in themselves. */
export function compileMessagePatch(
  patch: MessagePatch,
  path: RulePath,
  maxBodyBytes: number,
): MessageChange {
  checkFields(patch.setHeaders, [...path, "setHeaders"]);
  for (const [index, name] of patch.removeHeaders.entries()) {
    checkFieldName(name, [...path, "removeHeaders", index]);
  }
  if (patch.json !== null && patch.body !== null) {
    throw new RuleProblem([...path, "body"], "expected either json or body, got both");
  }
  const change = patch.json && compileJsonChange(patch.json, [...path, "json"]);
  return {
    changesBody: patch.json !== null || patch.body !== null,
    replacement: patch.body === null ? null : Buffer.from(patch.body, "utf8"),
    headers: (headers) => patchFields(headers, patch),
    json: async (message, note) =>
      change
        ? patchBody(message, change, maxBodyBytes, (text) => note(`${path.join(".")}: ${text}`))
        : message,
  };
}

/** The fields of a message whose body is no longer the one that they were written for. */
export function withoutBodyFields(headers: HeaderList): HeaderList {
  return describing.reduce<HeaderList>((left, name) => withoutHeader(left, name), withoutFraming(headers));
}

function patchFields(headers: HeaderList, patch: MessagePatch): HeaderList {
  const kept = patch.removeHeaders.reduce<HeaderList>((left, name) => withoutHeader(left, name), headers);
  return patch.setHeaders.reduce<HeaderList>((left, [name, value]) => withHeader(left, name, value), kept);
}

async function patchBody(
  message: Message,
  change: JsonChange,
  maxBodyBytes: number,
  note: (text: string) => void,
): Promise<Message> {
  const { headers, body } = message;
  const type = headerValue(headers, "content-type");
  if (!mayBeJson(type)) {
    note(`left unchanged, because its content-type is ${type}`);
    return message;
  }
  const held = await holdBody(body, maxBodyBytes);
  if (held.kind === "larger") {
    note(`left unchanged, because the body is larger than ${maxBodyBytes} bytes`);
    return { headers, body: held.body };
  }
  try {
    const changed = change(decode(held.bytes, headerValue(headers, "content-encoding"), maxBodyBytes));
    return { headers: withoutBodyFields(headers), body: bodyLike(changed, body) };
  } catch (thrown) {
    note(`left unchanged: ${messageOf(thrown)}`);
    return { headers, body: putBack(held.bytes, body) };
  }
}

function decode(bytes: Uint8Array, encoding: string | undefined, maxBodyBytes: number): Uint8Array {
  const plain = decodedBody(bytes, encoding, maxBodyBytes);
  if (plain) return plain;
  throw new Error(`its content-encoding ${encoding} could not be undone within ${maxBodyBytes} bytes`);
}

/** The trailers of the original go along; they need a body without a declared length (RFC 9112 §7.1.2). */
function bodyLike(bytes: Uint8Array, original: Body): Body {
  const trailers = original.trailers();
  return trailers.length === 0
    ? bodyOf(bytes)
    : streamBody(
        null,
        () => bodyOf(bytes).chunks(),
        () => trailers,
      );
}

/** Also plain text and no type at all, as careless servers send; but no stream of events or lines, which may never end. */
function mayBeJson(type: string | undefined): boolean {
  if (type === undefined) return true;
  const essence = type.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return /^(?:text\/plain|(?:application|text)\/(?:[\w.!#$&^-]+\+)?json)$/.test(essence);
}
