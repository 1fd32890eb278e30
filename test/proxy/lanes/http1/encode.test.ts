// What we originate is legal by our own scanners, and nothing handed in can split a message.

import assert from "node:assert/strict";
import { test } from "node:test";
import { UnderstudyError } from "../../../../src/core/errors.ts";
import { ChunkedDelimiter } from "../../../../src/proxy/lanes/http1/chunked.ts";
import {
  chunkHead,
  continueHead,
  encodeChunk,
  encodeLastChunk,
  encodeRequestHead,
  encodeResponseHead,
  reasonPhrase,
  refusalReply,
} from "../../../../src/proxy/lanes/http1/encode.ts";
import { ResponseScanner } from "../../../../src/proxy/lanes/http1/response-scanner.ts";

const limits = { maxHeadBytes: 65_536, maxHeaders: 256 };
const isBadMessage = (thrown: unknown) => thrown instanceof UnderstudyError && thrown.code === "bad_message";

test("encode: heads are written byte for byte", () => {
  const response = encodeResponseHead(200, "", [["X", "D\xfc"]]);
  assert.equal(response.toString("latin1"), "HTTP/1.1 200 OK\r\nX: D\xfc\r\n\r\n");
  assert.equal(encodeResponseHead(299, "", []).toString(), "HTTP/1.1 299 \r\n\r\n");
  assert.equal(encodeResponseHead(200, "Fine", []).toString(), "HTTP/1.1 200 Fine\r\n\r\n");
  const request = encodeRequestHead("GET", "/a", [["Host", "b"]]);
  assert.equal(request.toString(), "GET /a HTTP/1.1\r\nHost: b\r\n\r\n");
  assert.equal(continueHead.toString(), "HTTP/1.1 100 Continue\r\n\r\n");
  assert.equal(reasonPhrase(404), "Not Found");
  assert.equal(reasonPhrase(799), "");
});

test("encode: what could split a message is refused, wherever it stands", () => {
  // U+010A and U+010D would be cut to LF and CR by latin1.
  for (const bad of ["a\r\nb", "a\nb", "a\rb", "a\0b", "a\u010ab", "a\u010db", "\x7f"]) {
    assert.throws(() => encodeResponseHead(200, bad, []), isBadMessage);
    assert.throws(() => encodeResponseHead(200, "", [["X", bad]]), isBadMessage);
    assert.throws(() => encodeResponseHead(200, "", [[bad, "x"]]), isBadMessage);
    assert.throws(() => encodeRequestHead(bad, "/", []), isBadMessage);
    assert.throws(() => encodeRequestHead("GET", bad, []), isBadMessage);
    assert.throws(() => encodeLastChunk([["X", bad]]), isBadMessage);
  }
  for (const name of ["", "a b", "a:", "\xe4"]) {
    assert.throws(() => encodeResponseHead(200, "", [[name, "x"]]), /field name/);
  }
  assert.throws(() => encodeRequestHead("GET", "/a b", []), /request target/);
  assert.throws(() => encodeRequestHead("", "/", []), /method: expected at least one/);
  for (const status of [99, 1000, 200.5, Number.NaN]) {
    assert.throws(() => encodeResponseHead(status, "", []), /status: expected/);
  }
});

test("encode: chunks are delimited by our own delimiter", () => {
  const body = Buffer.concat([
    encodeChunk(Buffer.from("hello")),
    encodeChunk(new Uint8Array(0)),
    chunkHead(17),
    Buffer.alloc(17, "x"),
    Buffer.from("\r\n"),
    encodeLastChunk([["Sum", "1"]]),
  ]);
  const delimiter = new ChunkedDelimiter({ maxTrailerBytes: 100, maxHeaders: 2 });
  let payload = "";
  const after = delimiter.feed(body, 0, body.length, (from, to) => {
    payload += body.toString("latin1", from, to);
  });
  assert.equal(after, body.length);
  assert.equal(payload, `hello${"x".repeat(17)}`);
  assert.deepEqual(delimiter.trailers(), [["Sum", "1"]]);
});

test("encode: a refusal is a complete response that says why and closes", () => {
  const bytes = refusalReply({ status: 431, reason: "the head is not complete (RFC 6585 §5)" });
  const scanner = new ResponseScanner(limits);
  const head = scanner.scan(bytes, 0, bytes.length);
  assert.equal(scanner.status, 431);
  assert.equal(scanner.keepAlive, false);
  assert.equal(scanner.framingFor("GET"), "length");
  assert.equal(head + scanner.contentLength, bytes.length);
  assert.match(bytes.toString("utf8", head), /RFC 6585 §5.*\n.*opaque/);
});
