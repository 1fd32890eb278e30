// Replies that never vary, encoded once: a mock then costs one write. Only the Date moves, once a second.

import { bodyOf } from "../../../core/body.ts";
import type { FixedReply } from "../../../core/effect.ts";
import { type HeaderList, headerValue } from "../../../core/headers.ts";
import { encodeResponseHead } from "./encode.ts";
import { frameReply } from "./reply-framing.ts";

interface Encoded {
  readonly second: number;
  readonly whole: Buffer;
  readonly headBytes: number;
}

export interface FixedReplies {
  /** Head and body for an HTTP/1.1 client that keeps its connection; for HEAD the head alone. `nowMs`: epoch. */
  encode(reply: FixedReply, method: string, nowMs: number): Buffer;
}

/** Entries live as long as their rules. */
export function createFixedReplies(): FixedReplies {
  const cache = new WeakMap<FixedReply, Encoded>();
  return {
    encode(reply, method, nowMs) {
      const second = Math.trunc(nowMs / 1_000);
      let encoded = cache.get(reply);
      if (encoded?.second !== second) {
        encoded = encodeFixed(reply, second);
        cache.set(reply, encoded);
      }
      return method === "HEAD" ? encoded.whole.subarray(0, encoded.headBytes) : encoded.whole;
    },
  };
}

function encodeFixed(reply: FixedReply, second: number): Encoded {
  const { headers, body } = frameReply({ kind: "response", ...reply, body: bodyOf(reply.body) }, "GET", 1);
  const dated: HeaderList =
    headerValue(headers, "date") === undefined
      ? [...headers, ["Date", new Date(second * 1_000).toUTCString()]]
      : headers;
  const head = encodeResponseHead(reply.status, reply.reason, dated);
  return {
    second,
    whole: body === "none" ? head : Buffer.concat([head, reply.body]),
    headBytes: head.length,
  };
}
