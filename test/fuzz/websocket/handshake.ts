// What both sides say before the first frame (RFC 6455 §4, RFC 8441 §5).

import { createHash } from "node:crypto";
import type { Plan } from "./plan.ts";

export const path = "/fuzz";
const key = "dGhlIHNhbXBsZSBub25jZQ==";
const offered = "permessage-deflate; client_max_window_bits";

export const upgradeRequest: Buffer = Buffer.from(
  `GET ${path} HTTP/1.1\r\nHost: fuzz.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
    `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Extensions: ${offered}\r\n\r\n`,
);

export const connectFields: Record<string, string> = {
  ":method": "CONNECT",
  ":protocol": "websocket",
  ":path": path,
  "sec-websocket-version": "13",
  "sec-websocket-extensions": offered,
};

export function switched(agreed: Plan["agreed"]): Buffer {
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const extensions = extensionsOf(agreed);
  const line = extensions === "" ? "" : `Sec-WebSocket-Extensions: ${extensions}\r\n`;
  return Buffer.from(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept}\r\n${line}\r\n`,
  );
}

export function grantedFields(agreed: Plan["agreed"]): Record<string, string> {
  const extensions = extensionsOf(agreed);
  return { ":status": "200", ...(extensions === "" ? {} : { "sec-websocket-extensions": extensions }) };
}

function extensionsOf(agreed: Plan["agreed"]): string {
  if (agreed === null) return "";
  if (agreed === "unknown") return "x-of-another-kind; a=b";
  const words = ["permessage-deflate"];
  const { toUpstream, toDownstream } = agreed;
  if (!toUpstream.takeover) words.push("client_no_context_takeover");
  if (!toDownstream.takeover) words.push("server_no_context_takeover");
  if (toUpstream.windowBits < 15) words.push(`client_max_window_bits=${toUpstream.windowBits}`);
  if (toDownstream.windowBits < 15) words.push(`server_max_window_bits=${toDownstream.windowBits}`);
  return words.join("; ");
}
