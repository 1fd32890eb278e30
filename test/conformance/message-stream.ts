// The smallest reader of a whole connection's bytes over the codec: heads and bodies, one message after the other.
// The lane does the same over sockets; here nothing but the codec is under test.

import { ChunkedDelimiter } from "../../src/proxy/lanes/http1/chunked.ts";
import type { Refusal } from "../../src/proxy/lanes/http1/refusal.ts";
import { RequestScanner } from "../../src/proxy/lanes/http1/request-scanner.ts";
import { ResponseScanner } from "../../src/proxy/lanes/http1/response-scanner.ts";

const limits = { maxHeadBytes: 65_536, maxHeaders: 256 };

export interface Outcome {
  /** Messages that were read to their end. */
  readonly messages: number;
  /** Framing of each message whose head was accepted. */
  readonly framings: readonly string[];
  /** `rest`: bytes stand behind the last message that the connection may carry. */
  readonly end: "clean" | "incomplete" | "refused" | "upgrade" | "rest";
  readonly refusal: Refusal | null;
}

interface Head {
  readonly lengthBytes: number;
  readonly framing: string;
  readonly contentLength: number;
  readonly upgrade: boolean;
  readonly last: boolean;
  readonly refusal: Refusal | null;
}

/** Reads `bytes` as all that one peer sends. Responses answer a GET. */
export function readStream(kind: "request" | "response", bytes: Buffer): Outcome {
  const framings: string[] = [];
  let messages = 0;
  let at = 0;
  const outcome = (end: Outcome["end"], refusal: Refusal | null = null): Outcome => ({
    messages,
    framings,
    end,
    refusal,
  });
  while (at < bytes.length) {
    const head = kind === "request" ? requestHead(bytes, at) : responseHead(bytes, at);
    if (head.refusal !== null) return outcome("refused", head.refusal);
    if (head.lengthBytes === 0) return outcome(onlyLineEnds(bytes, at) ? "clean" : "incomplete");
    framings.push(head.framing);
    const body = bodyEnd(head, bytes, at + head.lengthBytes);
    if (typeof body !== "number") return outcome("refused", body);
    if (body === -1) return outcome("incomplete");
    messages++;
    at = body;
    if (head.upgrade) return outcome("upgrade");
    if (head.last && at < bytes.length) return outcome(onlyLineEnds(bytes, at) ? "clean" : "rest");
  }
  return outcome("clean");
}

function onlyLineEnds(bytes: Buffer, from: number): boolean {
  return bytes.subarray(from).every((octet) => octet === 13 || octet === 10);
}

function requestHead(bytes: Buffer, at: number): Head {
  const scanner = new RequestScanner(limits);
  scanner.reset();
  const lengthBytes = scanner.scan(bytes, at, bytes.length);
  return {
    lengthBytes,
    framing: lengthBytes > 0 ? scanner.framing : "none",
    contentLength: scanner.contentLength,
    upgrade: scanner.upgrade || scanner.targetForm === "authority",
    last: !scanner.keepAlive,
    refusal: scanner.refusal,
  };
}

function responseHead(bytes: Buffer, at: number): Head {
  const scanner = new ResponseScanner(limits);
  scanner.reset();
  const lengthBytes = scanner.scan(bytes, at, bytes.length);
  return {
    lengthBytes,
    framing: scanner.framingFor("GET"),
    contentLength: scanner.contentLength,
    upgrade: scanner.upgrade,
    last: !scanner.keepAlive,
    refusal: scanner.refusal,
  };
}

/** Index after the body, -1 where it goes on past the bytes, or why it is refused. */
function bodyEnd(head: Head, bytes: Buffer, from: number): number | Refusal {
  if (head.framing === "none") return from;
  if (head.framing === "until-close") return -1;
  if (head.framing === "length")
    return from + head.contentLength <= bytes.length ? from + head.contentLength : -1;
  const delimiter = new ChunkedDelimiter({ maxTrailerBytes: 16_384, maxHeaders: 64 });
  delimiter.reset();
  const after = delimiter.feed(bytes, from, bytes.length);
  return delimiter.refusal ?? (delimiter.done ? after : -1);
}
