// Messages that two readers could understand in two ways: refused by the book, connection closed, nothing forwarded.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openWire } from "../support/wire.ts";

const head = "Host: x\r\n";
const chunked = "Transfer-Encoding: chunked\r\n";
const post = `POST / HTTP/1.1\r\n${head}`;

/** [what is wrong, the bytes, the status by the book] */
const hostile: readonly (readonly [string, string, number])[] = [
  ["Content-Length and Transfer-Encoding", `${post}Content-Length: 3\r\n${chunked}\r\n0\r\n\r\n`, 400],
  ["two different lengths", `${post}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`, 400],
  ["the same length twice", `${post}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, 400],
  ["a list of lengths", `${post}Content-Length: 3, 3\r\n\r\nabc`, 400],
  ["a signed length", `${post}Content-Length: +3\r\n\r\nabc`, 400],
  ["a length past 2^53", `${post}Content-Length: 99999999999999999999\r\n\r\n`, 400],
  ["an unknown coding", `${post}Transfer-Encoding: gzip, chunked\r\n\r\n`, 501],
  ["chunked not last", `${post}Transfer-Encoding: chunked, gzip\r\n\r\n`, 400],
  ["chunked twice", `${post}Transfer-Encoding: chunked, chunked\r\n\r\n`, 400],
  ["a disguised coding", `${post}Transfer-Encoding: xchunked\r\n\r\n`, 501],
  ["Transfer-Encoding in HTTP/1.0", `POST / HTTP/1.0\r\n${chunked}\r\n0\r\n\r\n`, 400],
  ["obs-fold", `GET / HTTP/1.1\r\n${head}X: a\r\n b\r\n\r\n`, 400],
  ["bare LF after the request line", `GET / HTTP/1.1\nHost: x\r\n\r\n`, 400],
  ["bare LF after a field", `GET / HTTP/1.1\r\nHost: x\n\r\n`, 400],
  ["bare CR in a value", `GET / HTTP/1.1\r\n${head}X: a\rb\r\n\r\n`, 400],
  ["NUL in a value", `GET / HTTP/1.1\r\n${head}X: a\0b\r\n\r\n`, 400],
  ["whitespace before the colon", `${post}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, 400],
  ["a field without a name", `GET / HTTP/1.1\r\n${head}: a\r\n\r\n`, 400],
  ["whitespace before the first field", `GET / HTTP/1.1\r\n X: y\r\n${head}\r\n`, 400],
  ["no Host", `GET / HTTP/1.1\r\n\r\n`, 400],
  ["two Hosts", `GET / HTTP/1.1\r\n${head}${head}\r\n`, 400],
  ["a Host that is none", `GET / HTTP/1.1\r\nHost: a b\r\n\r\n`, 400],
  ["a version we do not speak", `GET / HTTP/2.0\r\n${head}\r\n`, 505],
  ["a space in the target", `GET /a b HTTP/1.1\r\n${head}\r\n`, 400],
  ["no version", `GET /\r\n${head}\r\n`, 400],
];

for (const [wrong, bytes, status] of hostile) {
  test(`refused: ${wrong}`, () => {
    for (const cut of [bytes.length, ...Array.from({ length: bytes.length - 1 }, (_, i) => i + 1)]) {
      const wire = openWire();
      wire.fromDownstream(bytes.slice(0, cut));
      wire.fromDownstream(`${bytes.slice(cut)}GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n`);
      assert.equal(wire.toUpstream, "", `cut at ${cut}`);
      assert.match(
        wire.toDownstream,
        new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*Connection: close\r\n[\\s\\S]*opaqueHosts`),
      );
      assert.equal(wire.downstreamEnd, "fin");
      assert.partialDeepStrictEqual(wire.events, [
        { kind: "call", outcome: "refused", flags: ["DPE"], status },
      ]);
    }
  });
}

test("refused: a head over the limit, before it is complete", () => {
  const wire = openWire({ limits: { maxHeadBytes: 1_000 } });
  wire.fromDownstream(`GET / HTTP/1.1\r\nX: ${"a".repeat(2_000)}`);
  assert.match(wire.toDownstream, /^HTTP\/1\.1 431 /);
  assert.equal(wire.toUpstream, "");
});

test("refused: more fields than the limit", () => {
  const wire = openWire({ limits: { maxHeaders: 5 } });
  wire.fromDownstream(`GET / HTTP/1.1\r\nHost: x\r\n${"X: y\r\n".repeat(6)}\r\n`);
  assert.match(wire.toDownstream, /^HTTP\/1\.1 431 /);
});

test("refused: the responses that are due come first", () => {
  const wire = openWire();
  wire.fromDownstream("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n");
  assert.equal(wire.toDownstream, "");
  wire.fromUpstream("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  assert.match(wire.toDownstream, /^HTTP\/1\.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP\/1\.1 400 /);
});

const badChunks: readonly (readonly [string, string])[] = [
  ["a size that is no number", "xyz\r\n"],
  ["an empty size", "\r\n"],
  ["a prefixed size", "0x3\r\nabc\r\n"],
  ["a negative size", "-3\r\nabc\r\n"],
  ["a size that overflows", "FFFFFFFFFFFFFFFFF\r\n"],
  ["bare LF after the size", "3\nabc\r\n"],
  ["data longer than its size", "3\r\nabcd\r\n"],
  ["whitespace before the size", " 3\r\nabc\r\n"],
  ["a folded trailer", "0\r\nX: a\r\n b\r\n\r\n"],
  ["a trailer that frames", "0\r\nContent-Length: 3\r\n\r\n"],
];

for (const [wrong, bytes] of badChunks) {
  test(`refused: chunked body with ${wrong}`, () => {
    const wire = openWire();
    wire.fromDownstream(`${post}${chunked}\r\n`);
    wire.fromDownstream(`${bytes}GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.ok(!wire.toUpstream.includes("smuggled"), wire.toUpstream);
    assert.match(wire.toDownstream, /^HTTP\/1\.1 400 /);
    assert.equal(wire.upstreamEnd, "rst");
    assert.equal(wire.downstreamEnd, "fin");
  });
}

const badResponses: readonly (readonly [string, string])[] = [
  [
    "Content-Length and Transfer-Encoding",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"],
  ["obs-fold", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"],
  ["bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"],
  ["no status", "HTTP/1.1 OK\r\n\r\n"],
  ["another protocol", "SSH-2.0-OpenSSH\r\n"],
  [
    "an upgrade that nobody asked for",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
  ],
];

for (const [wrong, bytes] of badResponses) {
  test(`refused: a response with ${wrong}`, () => {
    for (const mode of ["transparent", "fixed"] as const) {
      const wire = openWire({ mode });
      wire.fromDownstream("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      wire.fromUpstream(bytes);
      assert.match(
        wire.toDownstream,
        /^HTTP\/1\.1 502 [\s\S]*the upstream broke the protocol[\s\S]*opaqueHosts/,
      );
      assert.equal(wire.upstreamEnd, "rst");
      assert.notEqual(wire.downstreamEnd, "open");
      assert.partialDeepStrictEqual(wire.events, [{ kind: "call", outcome: "failed", flags: ["UPE"] }]);
    }
  });
}

test("refused: bytes of the upstream that answer no request reach nobody", () => {
  const wire = openWire();
  wire.fromDownstream("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  wire.fromUpstream(
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
  );
  assert.ok(!wire.toDownstream.includes("poison"));
  assert.equal(wire.downstreamEnd, "fin");
});
