// The head of an exchange as the fields of an HTTP/2 request of our own.

import type { Exchange } from "../../../core/exchange.ts";
import type { HeaderList } from "../../../core/headers.ts";
import { fieldsForHttp2 } from "./request-head.ts";

/** RFC 9113 §8.3.1; `connectProtocol`: of an extended CONNECT (RFC 8441 §4). A rule that set Host means the authority. */
export function requestFields(exchange: Exchange, connectProtocol: string | null): HeaderList {
  const { head, body } = exchange;
  const fields = fieldsForHttp2(head.headers);
  const pseudo: [string, string][] = [[":method", head.method]];
  if (connectProtocol !== null) pseudo.push([":protocol", connectProtocol]);
  pseudo.push([":scheme", head.scheme], [":authority", head.authority], [":path", head.path]);
  const sized = fields.filter(([name]) => name !== "content-length");
  const said = sized.length < fields.length;
  if (body.lengthBytes !== null && (said || body.lengthBytes > 0))
    sized.push(["content-length", String(body.lengthBytes)]);
  return [...pseudo, ...(body.lengthBytes === null ? fields : sized)];
}
