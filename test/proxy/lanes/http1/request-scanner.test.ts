// RequestScanner: tables by RFC section. Each head is judged whole, cut at every byte, and byte by byte.

import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestScanner } from "../../../../src/proxy/lanes/http1/request-scanner.ts";
import { verdictOf } from "./delivery.ts";

const limits = { maxHeadBytes: 65_536, maxHeaders: 256 };
const scanner = new RequestScanner(limits);

/** Scans a head that must be accepted, followed by bytes that are not its own. */
function accepted(head: string, by: RequestScanner = scanner): RequestScanner {
  const { length, refusal } = verdictOf(by, Buffer.from(`${head}X\r\n: \0`, "latin1"));
  assert.equal(refusal, null, JSON.stringify(head));
  assert.equal(length, head.length, JSON.stringify(head));
  return by;
}

function refused(head: string, status: number, reason: RegExp, by: RequestScanner = scanner): void {
  const { length, refusal } = verdictOf(by, Buffer.from(head, "latin1"));
  assert.equal(length, -1, `expected a refusal of ${JSON.stringify(head)}`);
  assert.equal(refusal?.status, status, `${JSON.stringify(head)}: ${refusal?.reason}`);
  assert.match(refusal?.reason ?? "", reason);
  assert.match(
    refusal?.reason ?? "",
    /^[\x20-\x7e§]+$/,
    "a reason holds nothing that a terminal or log could choke on",
  );
}

function withFields(...lines: string[]): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
}

test("request head: values are read as they stand on the wire", () => {
  const head = accepted(
    "PoST /a?b=c HTTP/1.1\r\nhOsT:x:80\r\nX-Empty:\r\nA: \t one  two\t \r\na:three\r\n\r\n",
  );
  assert.equal(head.method, "PoST");
  assert.equal(head.scheme, "http");
  assert.equal(head.authority, "x:80");
  assert.equal(head.path, "/a?b=c");
  assert.equal(head.target, "/a?b=c");
  assert.equal(head.minorVersion, 1);
  assert.equal(head.header("a"), "one  two, three");
  assert.equal(head.header("x-empty"), "");
  assert.equal(head.header("absent"), undefined);
  assert.deepEqual(head.headers, [
    ["hOsT", "x:80"],
    ["X-Empty", ""],
    ["A", "one  two"],
    ["a", "three"],
  ]);
});

test("request head: obs-text in a value is one latin1 character a byte (RFC 9110 §5.5)", () => {
  assert.equal(accepted(withFields("X: D\xfcsseldorf\xff")).header("x"), "D\xfcsseldorf\xff");
});

test("request head: names are found by every tchar, ASCII case alone aside", () => {
  const head = accepted(withFields("x_Id: 1", "^a: 2", "~a: 3", "Q|`: 4"));
  assert.deepEqual(
    ["x_id", "^a", "~a", "q|`"].map((name) => head.header(name)),
    ["1", "2", "3", "4"],
  );
  assert.equal(head.header("x-id"), undefined);
});

test("request head: a line's byte range cuts exactly that field out", () => {
  const text = "GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: keep-alive\r\nB: c\r\n\r\n";
  const head = accepted(`\r\n${text}`);
  const index = Array.from({ length: head.fieldCount }, (_, i) => i).findIndex((i) =>
    head.nameIs(i, "proxy-connection"),
  );
  const bytes = `\r\n${text}`;
  assert.equal(
    bytes.slice(0, head.lineStart(index)) + bytes.slice(head.lineEnd(index)),
    "\r\nGET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n",
  );
  const last = head.fieldCount - 1;
  assert.equal(bytes.slice(head.lineStart(last), head.lineEnd(last)), "B: c\r\n");
  assert.equal(bytes.slice(head.targetStart, head.targetEnd), "/");
});

test("request head: headers of an incomplete head are empty", () => {
  const fresh = new RequestScanner(limits);
  fresh.reset();
  assert.equal(fresh.scan(Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n"), 0, 25), 0);
  assert.deepEqual(fresh.headers, []);
});

test("request line: method and target as RFC 9112 §3 has them", () => {
  for (const method of ["GET", "get", "M-SEARCH", "!#$%&'*+-.^_`|~09az", "DELETE", "OPTIONS", "PUT"]) {
    assert.equal(accepted(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`).method, method);
  }
  refused(" GET / HTTP/1.1\r\n", 400, /byte 0: found a space, expected a method/);
  refused("G@T / HTTP/1.1\r\n", 400, /byte 1: found "@"/);
  refused("GET\t/ HTTP/1.1\r\n", 400, /found a tab, expected one space after the method/);
  refused("GET  / HTTP/1.1\r\n", 400, /found a space, expected visible ASCII|target is ""/);
  refused("GET / a HTTP/1.1\r\n", 400, /expected "HTTP\/1.1"/);
  refused("GET /\t HTTP/1.1\r\n", 400, /found a tab/);
  refused("GET /\x7f HTTP/1.1\r\n", 400, /found 0x7f/);
  refused("GET /\xc3\xbc HTTP/1.1\r\n", 400, /found 0xc3/);
  refused("GET /\0 HTTP/1.1\r\n", 400, /found NUL/);
  refused("GET / HTTP/1.1 \r\n", 400, /found a space, expected CRLF after the version/);
  refused("GET / HTTP/1.1\n", 400, /found LF, expected CRLF/);
  refused("GET / HTTP/1.1\r\r\n", 400, /found CR, expected LF after CR/);
  refused("\x16\x03\x01\x02\0", 400, /found 0x16, expected a method/);
});

test("request line: empty lines before it are part of the head (RFC 9112 §2.2)", () => {
  assert.equal(accepted("\r\n\r\nGET /x HTTP/1.0\r\n\r\n").path, "/x");
  refused("\nGET / HTTP/1.1\r\n", 400, /found LF/);
  refused("\rGET / HTTP/1.1\r\n", 400, /found "G", expected LF after CR/);
});

test("request line: HTTP/1.0 and HTTP/1.1 are spoken, nothing else (RFC 9112 §2.3)", () => {
  assert.equal(accepted("GET / HTTP/1.0\r\n\r\n").minorVersion, 0);
  for (const version of ["HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/5.6", "HTTP/3"]) {
    refused(`GET / ${version}\r\n`, 505, /expected HTTP\/1.1 or HTTP\/1.0/);
  }
  for (const version of ["http/1.1", "HTTP/1,1", "HTTP/a", "HTTP1.1", "ICE/1.0", "RTSP/1.0", "IHTTP/1.0"]) {
    refused(`GET / ${version}\r\n`, 400, /RFC 9112 §2\.3/);
  }
  refused("GET / HTTP/1.11\r\n", 400, /expected CRLF after the version/);
  refused("GET /\r\n", 400, /HTTP\/0\.9 is not served/);
  refused("GET /\n", 400, /HTTP\/0\.9 is not served/);
  refused("GET / \r\n", 400, /found CR/);
  refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, /PRI is reserved for HTTP\/2/);
});

test("target: the four forms (RFC 9112 §3.2)", () => {
  const cases: readonly (readonly [string, string, string, string, string])[] = [
    ["GET /a/b?c#d", "origin", "h", "/a/b?c#d", "http"],
    ['GET //x/<{"|\\^`}>', "origin", "h", '//x/<{"|\\^`}>', "http"],
    ["OPTIONS *", "asterisk", "h", "*", "http"],
    ["GET http://x.y:80/p?q", "absolute", "x.y:80", "/p?q", "http"],
    ["GET HTTP://x?q", "absolute", "x", "/?q", "http"],
    ["GET http://x", "absolute", "x", "/", "http"],
    ["GET https://[::1]:8/", "absolute", "[::1]:8", "/", "https"],
    ["GET a+b-c.1://x/", "absolute", "x", "/", "http"],
    ["CONNECT x.y:443", "authority", "x.y:443", "", "http"],
    ["CONNECT [2001:db8::1]:1", "authority", "[2001:db8::1]:1", "", "http"],
  ];
  for (const [line, form, authority, path, scheme] of cases) {
    const head = accepted(`${line} HTTP/1.1\r\nHost: h\r\n\r\n`);
    assert.deepEqual(
      [head.targetForm, head.authority, head.path, head.scheme],
      [form, authority, path, scheme],
      line,
    );
  }
});

test("target: what is none of the four forms is refused", () => {
  const wrong = [
    "GET a",
    "GET http:/x",
    "GET http:///x",
    "GET http://",
    "GET ://x",
    "GET 1a://x",
    "GET urn:a:b",
    "GET http://u@x/",
    "GET http://u:p@x/",
    "GET http://x:y/",
    "GET http://x:65536/",
    "GET http://[::1/",
    "GET http://[]/",
    "GET http://[::1]x/",
    "GET http://x%2/",
    "GET http://:80/",
    "GET **",
    "CONNECT x",
    "CONNECT x:",
    "CONNECT x:0",
    "CONNECT :443",
    "CONNECT /",
    "CONNECT x:65536",
    "CONNECT http://x:1/",
    "CONNECT *",
    "CONNECT u@x:1",
  ];
  for (const line of wrong) refused(`${line} HTTP/1.1\r\n`, 400, /RFC 9112 §3\.2|RFC 9110 §9\.3\.6/);
});

test("Host: exactly one in HTTP/1.1, at most one in HTTP/1.0, and well-formed (RFC 9112 §3.2)", () => {
  for (const host of [
    "a",
    "",
    "a:",
    "a:80",
    "A.b-c_d",
    "[::1]:1",
    "1.2.3.4",
    "a%20b",
    "0.0.0.0=5000",
    "[v1.x]",
  ]) {
    assert.equal(accepted(`GET / HTTP/1.1\r\nHost:${host}\r\n\r\n`).authority, host);
  }
  assert.equal(accepted("GET / HTTP/1.0\r\n\r\n").authority, "");
  refused("GET / HTTP/1.1\r\nA: b\r\n\r\n", 400, /no Host/);
  refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, /line 2: a second Host/);
  refused("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", 400, /a second Host/);
  for (const host of [
    "a b",
    "a, b",
    "a/b",
    "u@a",
    "a:b",
    "a:1:2",
    "[::1",
    "::1",
    "a%zz",
    "a\\b",
    "\xe4",
    "a?b",
    "a:99999",
  ]) {
    refused(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 400, /Host is ".*expected host\[:port\]/);
  }
});

test("field lines: names are tokens, followed by the colon (RFC 9110 §5.1, RFC 9112 §5.1)", () => {
  refused(withFields("A : b"), 400, /no white space before ":"/);
  refused(withFields("A\t: b"), 400, /no white space before ":"/);
  refused(withFields(": b"), 400, /found ":", expected a field name/);
  refused(withFields("A@: b"), 400, /found "@"/);
  refused(withFields("A\x01: b"), 400, /found 0x01/);
  refused(withFields("\xe4: b"), 400, /found 0xe4/);
  refused(withFields("A"), 400, /found CR, expected a token/);
  refused(withFields("\0A: b"), 400, /found NUL/);
  refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, /line 1, byte 16: found a space, expected a field name/);
});

test("field lines: folding, bare CR, bare LF and control octets are refused (RFC 9112 §2.2, §5.2)", () => {
  refused(withFields("A: b", " c"), 400, /no obsolete line folding/);
  refused(withFields("A: b", "\tc"), 400, /no obsolete line folding/);
  refused(withFields("A: b\nC: d"), 400, /found LF, expected CRLF/);
  refused(withFields("A: b\rC: d"), 400, /found "C", expected LF after CR/);
  refused(withFields("A: b\r"), 400, /found CR, expected LF after CR/);
  refused("GET / HTTP/1.1\r\nHost: a\r\n\n", 400, /found LF/);
  refused("GET / HTTP/1.1\r\nHost: a\r\n\rX", 400, /found "X", expected LF after CR/);
  for (let octet = 0; octet < 0x20; octet++) {
    if (octet === 9) continue;
    refused(withFields(`A: b${String.fromCharCode(octet)}c`), 400, /line 2, byte/);
    refused(withFields(`A:${String.fromCharCode(octet)}`), 400, /line 2, byte/);
  }
  refused(withFields("A: \x7f"), 400, /found 0x7f/);
});

test("framing: Content-Length is one run of digits (RFC 9110 §8.6, RFC 9112 §6.3)", () => {
  const lengths: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["003", 3],
    [" 42\t", 42],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ];
  for (const [value, length] of lengths) {
    const head = accepted(withFields(`Content-Length:${value}`));
    assert.equal(head.contentLength, length);
    assert.equal(head.framing, length === 0 ? "none" : "length");
  }
  const wrong = [
    "",
    "-1",
    "+1",
    "1 2",
    "1,1",
    "1, 1",
    "0x1",
    "1.0",
    "1e3",
    "a",
    "9007199254740992",
    "1".repeat(400),
    "\xb2",
  ];
  for (const value of wrong) refused(withFields(`Content-Length: ${value}`), 400, /Content-Length is/);
  refused(withFields("Content-Length: 1", "content-length: 1"), 400, /a second Content-Length/);
  refused(withFields("Content-Length: 1", "Content-Length: 2"), 400, /a second Content-Length/);
});

test("framing: Transfer-Encoding is exactly chunked, in HTTP/1.1, alone (RFC 9112 §6.1)", () => {
  for (const value of ["chunked", "CHUNKED", " \tChunked "]) {
    const head = accepted(withFields(`Transfer-Encoding:${value}`));
    assert.equal(head.framing, "chunked");
    assert.equal(head.contentLength, 0);
  }
  for (const value of [
    "chunked, chunked",
    "chunked, gzip",
    "chunked,",
    ",chunked",
    "",
    '"chunked"',
    "chunked;q=1",
    "chunked x",
    "\xa0chunked",
    "chunked\xa0",
    `x${" ".repeat(60)}y`,
  ]) {
    refused(withFields(`Transfer-Encoding: ${value}`), 400, /Transfer-Encoding is/);
  }
  for (const value of ["gzip, chunked", "gzip", "identity", "chunkedchunked", "xchunked", "cow, chunked"]) {
    refused(withFields(`Transfer-Encoding: ${value}`), 501, /only "chunked" is understood/);
  }
  refused(withFields("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400, /once, and last/);
  refused(withFields("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), 400, /once, and last/);
  refused(withFields("Transfer-Encoding: chunked", "Content-Length: 3"), 400, /both/);
  refused(withFields("Content-Length: 0", "Transfer-Encoding: identity"), 400, /both/);
  refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, /HTTP\/1\.0/);
});

test("framing: without a length a request has no body (RFC 9112 §6.3 rule 7)", () => {
  const head = accepted(withFields("X: y"));
  assert.deepEqual([head.framing, head.contentLength], ["none", 0]);
});

test("connection: persistence by version and options (RFC 9112 §9.3)", () => {
  const cases: readonly (readonly [string, string | null, boolean])[] = [
    ["1.1", null, true],
    ["1.1", "close", false],
    ["1.1", "foo ,\tCLOSE", false],
    ["1.1", "keep-alive, close", false],
    ["1.1", "closed", true],
    ["1.1", "clos e", true],
    ["1.0", null, false],
    ["1.0", "Keep-Alive", true],
    ["1.0", "keep-alive, x", true],
    ["1.0", "keep-alive, close", false],
  ];
  for (const [version, option, keepAlive] of cases) {
    const line = option === null ? "" : `Connection: ${option}\r\n`;
    assert.equal(
      accepted(`GET / HTTP/${version}\r\nHost: a\r\n${line}\r\n`).keepAlive,
      keepAlive,
      `${version} ${option}`,
    );
  }
  assert.equal(accepted(withFields("Connection: x", "Connection: close")).keepAlive, false);
});

test("connection: Upgrade needs its option and HTTP/1.1 (RFC 9110 §7.8)", () => {
  assert.equal(accepted(withFields("Connection: keep-alive, Upgrade", "Upgrade: websocket")).upgrade, true);
  assert.equal(accepted(withFields("Connection: Upgrade")).upgrade, false);
  assert.equal(accepted(withFields("Upgrade: websocket")).upgrade, false);
  assert.equal(accepted("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").upgrade, false);
});

test("connection: Expect: 100-continue is seen in HTTP/1.1 alone (RFC 9110 §10.1.1)", () => {
  assert.equal(accepted(withFields("Expect: 100-Continue")).expectContinue, true);
  assert.equal(accepted(withFields("Expect: a, 100-continue")).expectContinue, true);
  assert.equal(accepted(withFields("Expect: 100-continued")).expectContinue, false);
  assert.equal(accepted("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expectContinue, false);
});

test("limits: a head that outgrows them is refused wherever it is cut (RFC 6585 §5, RFC 9110 §15.5.15)", () => {
  const small = new RequestScanner({ maxHeadBytes: 40, maxHeaders: 2 });
  accepted(`GET / HTTP/1.1\r\nHost: a\r\nB: ${"x".repeat(8)}\r\n\r\n`, small);
  refused(`GET / HTTP/1.1\r\nHost: a\r\nB: ${"x".repeat(9)}\r\n\r\n`, 431, /after 40 bytes/, small);
  refused(`GET /${"x".repeat(60)} HTTP/1.1\r\n`, 414, /request line/, small);
  refused(`${"X".repeat(60)} / HTTP/1.1\r\n`, 501, /method too long/, small);
  refused(`${"\r\n".repeat(20)}GET / HTTP/1.0\r\n\r\n`, 431, /request line is not complete/, small);
  refused(`GET / HTTP/1.1\r\nHost: a\r\nB:\r\nC:\r\n\r\n`, 431, /more than 2 header fields/, small);
});

test("limits: the last field that fits is kept, however often room must grow", () => {
  const lines = Array.from({ length: 255 }, (_, i) => `X-${i}: ${i}`);
  const bytes = Buffer.from(withFields(...lines), "latin1");
  scanner.reset();
  assert.equal(scanner.scan(bytes, 0, bytes.length), bytes.length);
  assert.equal(scanner.fieldCount, 256);
  assert.equal(scanner.header("x-254"), "254");
  const more = Buffer.from(withFields(...lines, "Y: z"), "latin1");
  scanner.reset();
  assert.equal(scanner.scan(more, 0, more.length), -1);
  assert.equal(scanner.refusal?.status, 431);
});

test("resuming: a refused head stays refused until reset", () => {
  const bytes = Buffer.from("GET / HTTP/9.9\r\n\r\n");
  scanner.reset();
  assert.equal(scanner.scan(bytes, 0, bytes.length), -1);
  assert.equal(scanner.scan(Buffer.from("GET / HTTP/1.0\r\n\r\n"), 0, 18), -1);
  scanner.reset();
  assert.equal(scanner.refusal, null);
  assert.equal(scanner.scan(Buffer.from("GET / HTTP/1.0\r\n\r\n"), 0, 18), 18);
});
