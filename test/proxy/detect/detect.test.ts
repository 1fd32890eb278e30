// First bytes → protocol: a table, and each row cut short at every byte.

import assert from "node:assert/strict";
import { test } from "node:test";
import { detect } from "../../../src/proxy/detect/detect.ts";
import { serverNameOf } from "../../../src/proxy/detect/server-name.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");

const rows: readonly (readonly [string, Buffer, ReturnType<typeof detect>])[] = [
  ["GET", bytes("GET / HTTP/1.1\r\n"), "http/1"],
  ["a method with a dash", bytes("M-SEARCH * HTTP/1.1\r\n"), "http/1"],
  ["an empty line before the request", bytes("\r\nGET / HTTP/1.1\r\n"), "http/1"],
  ["POST, which begins as PRI does", bytes("POST / HTTP/1.1\r\n"), "http/1"],
  ["PRI to a path", bytes("PRI /x HTTP/1.1\r\n"), "http/1"],
  ["the HTTP/2 preface", bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "http/2"],
  ["a TLS ClientHello", Buffer.from([0x16, 3, 1, 0, 100, 1, 0, 0]), "tls"],
  ["a TLS record that is no ClientHello", Buffer.from([0x16, 3, 1, 0, 100, 2, 0, 0]), "opaque"],
  ["0x16 and something else", Buffer.from([0x16, 9]), "opaque"],
  ["SSH", bytes("SSH-2.0-OpenSSH\r\n"), "opaque"],
  ["Redis", bytes("*1\r\n$4\r\nPING\r\n"), "opaque"],
  ["Postgres", Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]), "opaque"],
  ["lower case", bytes("get / HTTP/1.1\r\n"), "opaque"],
  ["a word that is too long for a method", bytes("A".repeat(40)), "opaque"],
  ["two spaces", bytes("GET  / HTTP/1.1"), "opaque"],
];

for (const [what, first, expected] of rows) {
  test(`detect: ${what} is ${expected}, and no beginning of it is taken for something else`, () => {
    assert.equal(detect(first), expected);
    for (let length = 0; length < first.length; length++) {
      const verdict = detect(first.subarray(0, length));
      assert.ok(verdict === "need-more" || verdict === expected, `${length} bytes: ${verdict}`);
    }
  });
}

/** A ClientHello with one SNI extension. */
function clientHello(name: string): Buffer {
  const host = Buffer.from(name, "latin1");
  const list = Buffer.concat([Buffer.from([0]), uint16(host.length), host]);
  const sni = Buffer.concat([uint16(0), uint16(list.length + 2), uint16(list.length), list]);
  const other = Buffer.concat([uint16(0x2b), uint16(3), Buffer.from([2, 3, 4])]);
  const extensions = Buffer.concat([other, sni]);
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([4, 1, 2, 3, 4]),
    uint16(2),
    Buffer.from([0x13, 1]),
    Buffer.from([1, 0]),
    uint16(extensions.length),
    extensions,
  ]);
  const handshake = Buffer.concat([Buffer.from([1, 0]), uint16(body.length), body]);
  return Buffer.concat([Buffer.from([22, 3, 1]), uint16(handshake.length), handshake]);
}

function uint16(value: number): Buffer {
  const two = Buffer.alloc(2);
  two.writeUInt16BE(value);
  return two;
}

test("server name: read from a ClientHello, and empty wherever it is cut or odd", () => {
  const hello = clientHello("payments.shop.svc");
  assert.equal(serverNameOf(hello), "payments.shop.svc");
  for (let length = 0; length < hello.length; length++)
    assert.equal(serverNameOf(hello.subarray(0, length)), "");
  assert.equal(serverNameOf(clientHello("line\nbreak")), "");
});
