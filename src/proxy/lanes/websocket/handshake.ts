// The server's half of an opening handshake (RFC 6455 §4.2), for WebSockets that we answer ourselves: `ws` negotiates and
// then speaks on an in-memory socket; what it wrote as HTTP becomes our reply.

import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import type { WebSocket } from "ws";
import type { RequestHead } from "../../../core/exchange.ts";
import type { HeaderList } from "../../../core/headers.ts";
import { withoutDeclined } from "./deflate-offers.ts";
import { MemorySocket } from "./memory-socket.ts";

/** Loaded with the first WebSocket that a rule answers. */
const load = createRequire(import.meta.url);

export interface Handshake {
  /** 101, or why it was refused. */
  readonly status: number;
  readonly headers: HeaderList;
  /** Of a refusal. */
  readonly body: Buffer;
  /** null: it was refused. */
  readonly accepted: { readonly webSocket: WebSocket; readonly socket: MemorySocket } | null;
}

export interface HandshakeOptions {
  /** Agreed on where the client offers it; null: the first that it offers. */
  readonly subprotocol: string | null;
  readonly maxMessageBytes: number;
}

export function shakeHands(head: RequestHead, options: HandshakeOptions): Handshake {
  const { WebSocketServer } = load("ws") as typeof import("ws");
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: options.maxMessageBytes,
    perMessageDeflate: { threshold: 1_024 },
    handleProtocols: (offered) => chosen(offered, options.subprotocol),
  });
  const socket = new MemorySocket();
  let webSocket: WebSocket | null = null;
  // `ws` reads no more of the request than its method, its URL and its headers.
  const request = requestOf(head) as IncomingMessage;
  server.handleUpgrade(request, socket, Buffer.alloc(0), (made) => {
    webSocket = made;
  });
  const { status, headers, body } = readReply(socket.takeHead());
  return { status, headers, body, accepted: webSocket && { webSocket, socket } };
}

/** The client must have offered it (§4.2.2); false: none, which a client that needs one will not take. */
function chosen(offered: ReadonlySet<string>, wanted: string | null): string | false {
  if (wanted !== null) return offered.has(wanted) && wanted;
  return offered.values().next().value ?? false;
}

/** The same handshake, whichever protocol carried it: an extended CONNECT has no key (RFC 8441 §5). */
function requestOf(head: RequestHead): Pick<IncomingMessage, "method" | "url" | "headers"> {
  const headers: Record<string, string> = {};
  for (const [name] of head.headers) headers[name.toLowerCase()] = head.header(name.toLowerCase()) ?? "";
  const extensions = headers["sec-websocket-extensions"];
  const offers = extensions === undefined ? "" : withoutDeclined(extensions);
  if (offers === "") delete headers["sec-websocket-extensions"];
  else headers["sec-websocket-extensions"] = offers;
  if (head.method !== "CONNECT") {
    // `ws` looks at Upgrade alone, and wants it to name nothing else (§4.2.1).
    if (tokensOf(headers.connection).includes("upgrade")) headers.upgrade = "websocket";
    else delete headers.upgrade;
    return { method: head.method, url: head.path, headers };
  }
  const bootstrapped = {
    ...headers,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-key": randomBytes(16).toString("base64"),
  };
  return { method: "GET", url: head.path, headers: bootstrapped };
}

function tokensOf(list = ""): readonly string[] {
  return list.split(",").map((token) => token.trim().toLowerCase());
}

function readReply(bytes: Buffer): { status: number; headers: HeaderList; body: Buffer } {
  const end = bytes.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { status: Number(statusLine.split(" ")[1]), headers, body: bytes.subarray(end + 4) };
}
