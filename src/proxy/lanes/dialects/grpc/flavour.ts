// Which protocol of the gRPC family a call speaks, told by its head: gRPC itself, gRPC-Web, or Connect.
// github.com/grpc/grpc doc/PROTOCOL-HTTP2.md and PROTOCOL-WEB.md; connectrpc.com/docs/protocol.

import type { RequestHead } from "../../../../core/exchange.ts";

export interface Flavour {
  readonly name: "grpc" | "grpc-web" | "grpc-web-text" | "connect" | "connect-stream";
  /** How messages are coded; `other` is opaque to us. */
  readonly codec: "proto" | "json" | "other";
  /** What a reply says it is. */
  readonly contentType: string;
}

const grpcTypes = /^application\/grpc(-web-text|-web)?(?:\+([a-z0-9.-]+))?\s*(?:;.*)?$/i;
const connectTypes = /^application\/(connect\+)?(proto|json)\s*(?:;.*)?$/i;

/** What of a head tells the flavour. */
export type HeadOfFlavour = Pick<RequestHead, "method" | "path" | "header">;

/** null: none of them. */
export function flavourOf(head: HeadOfFlavour): Flavour | null {
  const type = head.header("content-type");
  if (type === undefined) return connectGet(head);
  const [grpc, web = "", coded = "proto"] = grpcTypes.exec(type) ?? [];
  if (grpc !== undefined) {
    const contentType = type.split(";", 1)[0]?.trim() ?? type;
    return {
      name: `grpc${web.toLowerCase() as "" | "-web" | "-web-text"}`,
      codec: codecOf(coded),
      contentType,
    };
  }
  const [connect, stream, codec = ""] = connectTypes.exec(type) ?? [];
  if (connect === undefined || head.method !== "POST") return null;
  // JSON alone may be anything; a Connect client says its version with it.
  const isUnary = codec.toLowerCase() === "proto" || head.header("connect-protocol-version") === "1";
  if (stream === undefined && !isUnary) return null;
  return {
    name: stream === undefined ? "connect" : "connect-stream",
    codec: codecOf(codec),
    contentType: connect.split(";", 1)[0]?.trim() ?? connect,
  };
}

/** A call without side effects, whose message stands in the query. */
function connectGet({ method, path }: HeadOfFlavour): Flavour | null {
  if (method !== "GET" || !/[?&]connect=v1(?:&|$)/.test(path)) return null;
  const codec = /[?&]encoding=(proto|json)(?:&|$)/.exec(path)?.[1] ?? "other";
  return { name: "connect", codec: codecOf(codec), contentType: `application/${codec}` };
}

function codecOf(name: string): Flavour["codec"] {
  const codec = name.toLowerCase();
  return codec === "proto" || codec === "json" ? codec : "other";
}

/** `/shop.v1.Inventory/Get` → service and method; null for another path. */
export function methodOf(head: RequestHead): { readonly service: string; readonly method: string } | null {
  const [, service, method] = /^(?:\/[^?]*)?\/([^/?]+)\/([^/?]+)(?:\?.*)?$/.exec(head.path) ?? [];
  return service === undefined || method === undefined ? null : { service, method };
}
