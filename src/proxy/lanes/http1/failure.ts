// Replies that say in plain words what went wrong between the client and its upstream.

import { bodyOf } from "../../../core/body.ts";
import type { ResponseReply } from "../../../core/exchange.ts";
import { encodeResponseHead } from "./encode.ts";

/** For the rich road. */
export function failureReply(status: number, detail: string): ResponseReply {
  const headers = [["Content-Type", "text/plain; charset=utf-8"]] as const;
  return { kind: "response", status, reason: "", headers, body: bodyOf(textOf(detail)) };
}

/** The same on the wire, ending the connection. */
export function failureBytes(status: number, detail: string): Buffer {
  const body = textOf(detail);
  const head = encodeResponseHead(status, "", [
    ["Content-Type", "text/plain; charset=utf-8"],
    ["Content-Length", String(body.length)],
    ["Connection", "close"],
  ]);
  return Buffer.concat([head, body]);
}

function textOf(detail: string): Buffer {
  return Buffer.from(`understudy: ${detail}\n`);
}
