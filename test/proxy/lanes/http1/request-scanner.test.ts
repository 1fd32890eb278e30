// RequestScanner: tables by RFC section. Each message is judged whole, cut at every byte, and byte by byte.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestScanner } from "../../../../src/proxy/lanes/http1/request-scanner.ts";

const limits = { maxHeadBytes: 65_536, maxHeaders: 256 };

test("request head: an origin-form request is read without touching its body", () => {
  const scanner = new RequestScanner(limits);
  const bytes = Buffer.from("POST /a?b=c HTTP/1.1\r\nHost: x:80\r\nContent-Length: 3\r\n\r\nabc");
  scanner.reset();
  assert.equal(scanner.scan(bytes, 0, bytes.length), bytes.length - 3);
  assert.equal(scanner.method, "POST");
  assert.equal(scanner.authority, "x:80");
  assert.equal(scanner.path, "/a?b=c");
  assert.equal(scanner.framing, "length");
  assert.equal(scanner.contentLength, 3);
});
