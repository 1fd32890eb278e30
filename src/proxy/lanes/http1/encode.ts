// Writes heads and chunks that we originate. Relayed messages never pass here: their own bytes are forwarded.
// What the scanners would refuse cannot be written: CR, LF, NUL or a code point above U+00FF would split a message.

import { UnderstudyError } from "../../../core/errors.ts";
import type { HeaderList } from "../../../core/headers.ts";
import { targetOctets, tokenOctets, valueOctets } from "./octets.ts";
import { reasonPhrases } from "./reason-phrases.ts";
import { type Refusal, showText } from "./refusal.ts";

/** The interim response that lets a client send its body (RFC 9110 §15.2.1). */
export const continueHead: Buffer = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n", "latin1");

/** The usual phrase of a status; "" for an unknown one (RFC 9112 §4 lets it be empty). */
export function reasonPhrase(status: number): string {
  return reasonPhrases[status] ?? "";
}

/** Status line and header section. "" as reason takes the usual phrase. Throws `bad_message` for what breaks the grammar. */
export function encodeResponseHead(status: number, reason: string, headers: HeaderList): Buffer {
  if (!Number.isInteger(status) || status < 100 || status > 999) {
    throw badMessage(`status: expected an integer from 100 to 999, got ${status}`);
  }
  const phrase = reason === "" ? reasonPhrase(status) : reason;
  checkOctets("reason phrase", phrase, valueOctets);
  return Buffer.from(`HTTP/1.1 ${status} ${phrase}\r\n${fieldText(headers)}\r\n`, "latin1");
}

/** Request line and header section. Throws `bad_message` for what breaks the grammar. */
export function encodeRequestHead(method: string, target: string, headers: HeaderList): Buffer {
  checkWord("method", method, tokenOctets);
  checkWord("request target", target, targetOctets);
  return Buffer.from(`${method} ${target} HTTP/1.1\r\n${fieldText(headers)}\r\n`, "latin1");
}

/** The line before a chunk's data, for who writes the data itself. `sizeBytes` must be positive: zero would end the body. */
export function chunkHead(sizeBytes: number): Buffer {
  return Buffer.from(`${sizeBytes.toString(16)}\r\n`, "latin1");
}

/** One chunk, copied into a Buffer of its own; an empty Buffer for no payload, since a chunk of size 0 ends the body. */
export function encodeChunk(payload: Uint8Array): Buffer {
  if (payload.length === 0) return Buffer.alloc(0);
  const head = chunkHead(payload.length);
  return Buffer.concat([head, payload, lineEnd], head.length + payload.length + 2);
}

/** The end of a chunked body (RFC 9112 §7.1.2). Throws `bad_message` for what breaks the grammar. */
export function encodeLastChunk(trailers: HeaderList): Buffer {
  return Buffer.from(`0\r\n${fieldText(trailers)}\r\n`, "latin1");
}

/** The whole answer to a refused message: says why in its body, and ends the connection (RFC 9112 §9.6). */
export function refusalReply(refusal: Refusal): Buffer {
  const advice =
    "A peer that cannot be mended can be named under opaqueHosts: it is then relayed without parsing.";
  const body = Buffer.from(`Refused: ${refusal.reason}\n${advice}\n`, "utf8");
  const head = encodeResponseHead(refusal.status, "", [
    ["Content-Type", "text/plain; charset=utf-8"],
    ["Content-Length", String(body.length)],
    ["Connection", "close"],
  ]);
  return Buffer.concat([head, body]);
}

const lineEnd = Buffer.from("\r\n", "latin1");

function fieldText(headers: HeaderList): string {
  let text = "";
  for (const [name, value] of headers) {
    checkWord("field name", name, tokenOctets);
    checkOctets(`value of ${name}`, value, valueOctets);
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

function checkWord(what: string, text: string, allowed: Uint8Array): void {
  if (text === "") throw badMessage(`${what}: expected at least one character, got none`);
  checkOctets(what, text, allowed);
}

/** A character above U+00FF is outside the table, hence refused: cut to one byte it could become CR or LF. */
function checkOctets(what: string, text: string, allowed: Uint8Array): void {
  for (let i = 0; i < text.length; i++) {
    if (allowed[text.charCodeAt(i)] === 1) continue;
    const found = `U+${text.charCodeAt(i).toString(16).padStart(4, "0")}`;
    throw badMessage(`${what}: ${found} at character ${i + 1} of ${showText(text)} cannot stand there`);
  }
}

function badMessage(message: string): UnderstudyError {
  return new UnderstudyError("bad_message", message);
}
