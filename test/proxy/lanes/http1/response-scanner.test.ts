// ResponseScanner: tables by RFC section. Each head is judged whole, cut at every byte, and byte by byte.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ResponseScanner } from "../../../../src/proxy/lanes/http1/response-scanner.ts";
import { verdictOf } from "./delivery.ts";

const scanner = new ResponseScanner({ maxHeadBytes: 65_536, maxHeaders: 256 });

/** Scans a head that must be accepted, followed by bytes that are not its own. */
function accepted(head: string): ResponseScanner {
  const { length, refusal } = verdictOf(scanner, Buffer.from(`${head}X\r\n: \0`, "latin1"));
  assert.equal(refusal, null, JSON.stringify(head));
  assert.equal(length, head.length, JSON.stringify(head));
  return scanner;
}

function refused(head: string, reason: RegExp, status = 400, by: ResponseScanner = scanner): void {
  const { length, refusal } = verdictOf(by, Buffer.from(head, "latin1"));
  assert.equal(length, -1, `expected a refusal of ${JSON.stringify(head)}`);
  assert.match(refusal?.reason ?? "", reason);
  assert.equal(refusal?.status, status);
}

test("status line: version, status and reason as sent (RFC 9112 §4)", () => {
  const cases: readonly (readonly [string, number, string, 0 | 1])[] = [
    ["HTTP/1.1 200 OK", 200, "OK", 1],
    ["HTTP/1.0 404 Not  Found ", 404, "Not  Found ", 0],
    ["HTTP/1.1 200 ", 200, "", 1],
    ["HTTP/1.1 301", 301, "", 1],
    ["HTTP/1.1 999 \tOri\xebntatie", 999, "\tOri\xebntatie", 1],
    ["HTTP/1.1 200  OK", 200, " OK", 1],
    ["\r\n\r\nHTTP/1.1 100 Continue", 100, "Continue", 1],
  ];
  for (const [line, status, reason, minorVersion] of cases) {
    const head = accepted(`${line}\r\n\r\n`);
    assert.deepEqual([head.status, head.reason, head.minorVersion], [status, reason, minorVersion], line);
  }
});

test("status line: anything else is refused (RFC 9112 §4)", () => {
  refused("HTTP/1.1  200 OK\r\n", /found a space, expected a status/);
  refused("HTTP/1.1\t200 OK\r\n", /found a tab, expected one space after the version/);
  refused("HTTP/1.1 20 OK\r\n", /found a space, expected a status/);
  refused("HTTP/1.1 099 OK\r\n", /found "0", expected a status/);
  refused("HTTP/1.1 2000 OK\r\n", /found "0", expected a space after the status/);
  refused("HTTP/1.1 2x0 OK\r\n", /found "x", expected a status/);
  refused("HTTP/1.1 200 O\0K\r\n", /found NUL, expected CRLF after the reason/);
  refused("HTTP/1.1 200 OK\n", /found LF/);
  refused("HTTP/1.1 200 OK\rX", /found "X", expected LF after CR/);
  refused("HTTP/1.1 200\n", /found LF/);
  refused("HTTP/1.1\r\n", /found CR/);
  refused("HTTPS/1.1 200 OK\r\n", /expected "HTTP\/1.1"/);
  refused("\nHTTP/1.1 200 OK\r\n", /found LF/);
  refused("\rHTTP/1.1 200 OK\r\n", /found "H", expected LF after CR/);
  refused("HTTP/2.0 200 OK\r\n", /HTTP\/1\.0/, 505);
  refused("HTTP/1.1 200 OK\r\n A: b\r\n", /found a space, expected a field name/);
});

test("response fields: the same strictness as for requests", () => {
  refused("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", /white space/);
  refused("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", /folding/);
  refused("HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n", /found LF/);
  refused("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", /a second Content-Length/);
  refused("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", /Content-Length is/);
  refused("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", /both/);
  refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", /once, and last/);
  refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", /only "chunked"/, 501);
  refused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", /HTTP\/1\.0/);
});

test("response head: values, lines and byte ranges", () => {
  const text = "HTTP/1.1 200 OK\r\nServer: x\r\nset-cookie: a\r\nSet-Cookie: b\r\n\r\n";
  const head = accepted(text);
  assert.deepEqual(head.headers, [
    ["Server", "x"],
    ["set-cookie", "a"],
    ["Set-Cookie", "b"],
  ]);
  assert.equal(head.header("set-cookie"), "a, b");
  assert.equal(head.fieldCount, 3);
  assert.equal(head.nameIs(1, "set-cookie"), true);
  assert.equal(text.slice(head.lineStart(1), head.lineEnd(1)), "set-cookie: a\r\n");
});

test("response framing: by request method, status and fields (RFC 9112 §6.3)", () => {
  const cases: readonly (readonly [string, number, string, string])[] = [
    ["GET", 200, "", "until-close"],
    ["GET", 200, "Content-Length: 5\r\n", "length"],
    ["GET", 200, "Content-Length: 0\r\n", "none"],
    ["GET", 200, "Transfer-Encoding: chunked\r\n", "chunked"],
    ["HEAD", 200, "Content-Length: 5\r\n", "none"],
    ["HEAD", 200, "Transfer-Encoding: chunked\r\n", "none"],
    ["HEAD", 200, "", "none"],
    ["GET", 100, "", "none"],
    ["GET", 101, "Content-Length: 5\r\n", "none"],
    ["GET", 103, "Transfer-Encoding: chunked\r\n", "none"],
    ["GET", 204, "Content-Length: 5\r\n", "none"],
    ["GET", 304, "Content-Length: 5\r\n", "none"],
    ["CONNECT", 200, "Content-Length: 5\r\n", "none"],
    ["CONNECT", 299, "", "none"],
    ["CONNECT", 407, "Content-Length: 5\r\n", "length"],
    ["get", 205, "", "until-close"],
  ];
  for (const [method, status, fields, framing] of cases) {
    const head = accepted(`HTTP/1.1 ${status} X\r\n${fields}\r\n`);
    assert.equal(head.framingFor(method), framing, `${method} ${status} ${fields}`);
    assert.equal(head.upgrade, status === 101);
  }
  assert.equal(accepted("HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n").contentLength, 5);
  assert.equal(accepted("HTTP/1.1 200 X\r\n\r\n").contentLength, 0);
});

test("response connection: persistence by version and options (RFC 9112 §9.3)", () => {
  assert.equal(accepted("HTTP/1.1 200 OK\r\n\r\n").keepAlive, true);
  assert.equal(accepted("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").keepAlive, false);
  assert.equal(accepted("HTTP/1.0 200 OK\r\n\r\n").keepAlive, false);
  assert.equal(accepted("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n").keepAlive, true);
});

test("response limits: a head that outgrows them is refused wherever it is cut", () => {
  const small = new ResponseScanner({ maxHeadBytes: 30, maxHeaders: 1 });
  refused(`HTTP/1.1 200 ${"x".repeat(30)}\r\n\r\n`, /after 30 bytes/, 431, small);
  refused(`HTTP/1.1 200 OK\r\nA: ${"x".repeat(30)}\r\n\r\n`, /after 30 bytes/, 431, small);
  refused("HTTP/1.1 200 OK\r\nA:\r\nB:\r\n\r\n", /more than 1 header fields/, 431, small);
});

test("response resuming: a refused head stays refused until reset, and shows no headers", () => {
  const bytes = Buffer.from("HTTP/9.1 200 OK\r\n\r\n");
  scanner.reset();
  assert.equal(scanner.scan(bytes, 0, bytes.length), -1);
  assert.equal(scanner.scan(bytes, 0, bytes.length), -1);
  assert.deepEqual(scanner.headers, []);
});
