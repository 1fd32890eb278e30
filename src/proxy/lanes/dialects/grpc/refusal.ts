// What we refuse or cannot reach, said to a client of gRPC in its own words: a status without messages, whole in one block.
// A client of Connect reads the status of HTTP (connectrpc.com/docs/protocol "HTTP to Error Code").

import { emptyBody } from "../../../../core/body.ts";
import type { ResponseReply } from "../../../../core/exchange.ts";
import { flavourOf, type HeadOfFlavour } from "./flavour.ts";
import { statusFields } from "./status.ts";

/** UNAVAILABLE for an upstream that cannot be reached; RESOURCE_EXHAUSTED for what is too large; else INTERNAL. */
const codes: Readonly<Record<number, number>> = { 413: 8, 431: 8, 502: 14, 503: 14, 504: 14 };

/** `status`: what a client of plain HTTP would hear. null: this is one. */
export function grpcRefusal(head: HeadOfFlavour, status: number, detail: string): ResponseReply | null {
  const flavour = flavourOf(head);
  if (flavour === null || flavour.name === "connect" || flavour.name === "connect-stream") return null;
  const end = { code: codes[status] ?? 13, text: `understudy: ${detail}`, details: [] };
  return {
    kind: "response",
    status: 200,
    reason: "",
    headers: [["content-type", flavour.contentType], ...statusFields(end)],
    body: emptyBody,
  };
}
