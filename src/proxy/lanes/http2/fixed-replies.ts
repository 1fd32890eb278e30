// Replies that never vary, encoded once a second, because only the Date moves: a mock then costs one write.

import type { FixedReply } from "../../../core/effect.ts";
import { type HeaderList, headerValue } from "../../../core/headers.ts";
import { encodeLiterals } from "./hpack/literal-block.ts";
import { fieldsForHttp2 } from "./request-head.ts";

interface Encoded {
  readonly second: number;
  readonly block: Buffer;
}

export interface FixedReplies {
  /** The header block of the reply. `nowMs`: epoch. */
  encode(reply: FixedReply, nowMs: number): Buffer;
}

/** Entries live as long as their rules. */
export function createFixedReplies(): FixedReplies {
  const cache = new WeakMap<FixedReply, Encoded>();
  return {
    encode(reply, nowMs) {
      const second = Math.trunc(nowMs / 1_000);
      let encoded = cache.get(reply);
      if (encoded?.second !== second) {
        const { status, headers, body } = reply;
        const hasNoBody = status === 204 || status === 304;
        const fields = replyFields(status, headers, hasNoBody ? null : body.length, second * 1_000);
        encoded = { second, block: encodeLiterals(fields) };
        cache.set(reply, encoded);
      }
      return encoded.block;
    },
  };
}

/** The fields of a reply of ours. `lengthBytes` null: not said. `dateMs`: where it has no Date; null leaves it out. */
export function replyFields(
  status: number,
  headers: HeaderList,
  lengthBytes: number | null,
  dateMs: number | null,
): HeaderList {
  const fields: [string, string][] = [[":status", String(status)], ...fieldsForHttp2(headers)];
  if (lengthBytes !== null && headerValue(headers, "content-length") === undefined)
    fields.push(["content-length", String(lengthBytes)]);
  if (dateMs !== null && headerValue(headers, "date") === undefined)
    fields.push(["date", new Date(dateMs).toUTCString()]);
  return fields;
}
