// Which framing a reply of ours gets, from its headers, its body and the request it answers (RFC 9112 §6).

import type { ResponseReply } from "../../../core/exchange.ts";
import { type HeaderList, headerValue, withHeader, withoutHeader } from "../../../core/headers.ts";

export interface ReplyFraming {
  /** With the framing fields that hold. */
  readonly headers: HeaderList;
  readonly body: "none" | "raw" | "chunked";
  /** The connection ends with this reply, because only that marks the end of its body. */
  readonly untilClose: boolean;
}

/** `minorVersion`: of the request; HTTP/1.0 knows no chunked coding (RFC 9112 §7). */
export function frameReply(reply: ResponseReply, method: string, minorVersion: 0 | 1): ReplyFraming {
  const { status, headers, body } = reply;
  const bodiless =
    method === "HEAD" || status < 200 || status === 204 || status === 304 || opensTunnel(method, status);
  if (bodiless) return { headers: bareHeaders(reply, method), body: "none", untilClose: false };
  const coded = headerValue(headers, "transfer-encoding") !== undefined;
  const wantsChunked = coded || body.lengthBytes === null || body.trailers().length > 0;
  if (wantsChunked && minorVersion === 1) {
    const list = withoutHeader(headers, "content-length");
    return {
      headers: coded ? list : [...list, ["Transfer-Encoding", "chunked"]],
      body: "chunked",
      untilClose: false,
    };
  }
  const plain = withoutHeader(headers, "transfer-encoding");
  if (body.lengthBytes === null)
    return { headers: withoutHeader(plain, "content-length"), body: "raw", untilClose: true };
  const list = withHeader(plain, "Content-Length", String(body.lengthBytes));
  return { headers: list, body: "raw", untilClose: false };
}

/** Behind such a reply the connection is no longer HTTP (RFC 9110 §9.3.6, §15.2.2). */
export function opensTunnel(method: string, status: number): boolean {
  return status === 101 || (method === "CONNECT" && status >= 200 && status < 300);
}

/** HEAD and 304 may say the length that a GET would have had; 1xx, 204 and 2xx to CONNECT must not (RFC 9110 §8.6). */
function bareHeaders(reply: ResponseReply, method: string): HeaderList {
  const { status, headers, body } = reply;
  if (status < 200 || status === 204 || opensTunnel(method, status))
    return withoutHeader(withoutHeader(headers, "content-length"), "transfer-encoding");
  const isKnown =
    headerValue(headers, "content-length") !== undefined ||
    headerValue(headers, "transfer-encoding") !== undefined;
  if (isKnown || method !== "HEAD" || !body.lengthBytes) return headers;
  return withHeader(headers, "Content-Length", String(body.lengthBytes));
}

/** Whoever says so closes the connection behind the reply (RFC 9112 §9.6). */
export function saysClose(headers: HeaderList): boolean {
  return /(?:^|,)\s*close\s*(?:,|$)/i.test(headerValue(headers, "connection") ?? "");
}
