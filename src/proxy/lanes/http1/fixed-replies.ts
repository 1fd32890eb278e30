// Replies that never vary, encoded once: a mock then costs one write. Only the Date moves, once a second.

import { bodyOf } from "../../../core/body.ts";
import type { FixedReply } from "../../../core/effect.ts";
import { type HeaderList, headerValue } from "../../../core/headers.ts";
import { encodeResponseHead } from "./encode.ts";
import { frameReply, saysClose } from "./reply-framing.ts";

interface Encoded {
  readonly second: number;
  readonly whole: Buffer;
  readonly headBytes: number;
  readonly closes: boolean;
}

export interface FixedReplies {
  /**
   * Head and body for an HTTP/1.1 client that keeps its connection; for HEAD the head alone. `nowMs`: epoch. null: the
   * connection cannot be kept behind it.
   */
  encode(reply: FixedReply, method: string, nowMs: number): Buffer | null;
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
      if (encoded.closes) return null;
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
    closes: saysClose(headers),
  };
}
