// Undoing Content-Encoding within a bound.

import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { decodedBody } from "../../../src/proxy/perform/content-encoding.ts";

const plain = Buffer.from("the quick brown fox ".repeat(50));
const decodeText = (bytes: Uint8Array, encoding: string | undefined, limit = 10_000) => {
  const decoded = decodedBody(bytes, encoding, limit);
  return decoded && Buffer.from(decoded).toString();
};

test("content-encoding: every coding in use, in any case, and layers of them", () => {
  const rows: readonly (readonly [Uint8Array, string | undefined])[] = [
    [plain, undefined],
    [plain, ""],
    [plain, "identity"],
    [gzipSync(plain), "gzip"],
    [gzipSync(plain), "X-GZIP"],
    [deflateSync(plain), "deflate"],
    [deflateRawSync(plain), "deflate"],
    [brotliCompressSync(plain), "br"],
    [zstdCompressSync(plain), "zstd"],
    [brotliCompressSync(gzipSync(plain)), "gzip, identity, br"],
  ];
  for (const [bytes, encoding] of rows)
    assert.equal(decodeText(bytes, encoding), plain.toString(), encoding ?? "none");
  assert.equal(decodeText(new Uint8Array(0), "gzip"), "");
});

test("content-encoding: unknown, broken, cut and absurdly layered bodies are null", () => {
  for (const coding of ["gzip", "deflate", "br", "zstd"])
    assert.equal(decodeText(plain, coding), null, coding);
  assert.equal(decodeText(gzipSync(plain).subarray(0, 30), "gzip"), null);
  assert.equal(decodeText(brotliCompressSync(plain).subarray(0, 20), "br"), null);
  assert.equal(decodeText(zstdCompressSync(plain).subarray(0, 20), "zstd"), null);
  assert.equal(decodeText(plain, "compress"), null);
  assert.equal(decodeText(plain, "gzip, gzip, gzip, gzip"), null);
});

test("content-encoding: a bomb stops at the limit", () => {
  const bomb = Buffer.alloc(2_000_000);
  for (const [coding, bytes] of [
    ["gzip", gzipSync(bomb)],
    ["deflate", deflateSync(bomb)],
    ["br", brotliCompressSync(bomb)],
    ["zstd", zstdCompressSync(bomb)],
  ] as const) {
    assert.equal(decodedBody(bytes, coding, 100_000), null, coding);
  }
  assert.equal(decodedBody(plain, undefined, plain.length - 1), null);
  assert.equal(decodedBody(gzipSync(plain), "gzip", plain.length)?.length, plain.length);
  assert.equal(decodedBody(gzipSync(plain), "gzip", 0), null);
});
