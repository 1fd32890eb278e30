// How much of a stream its first message is: known as early as it can be, and asked seldom, however the stream drips in.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import type { RequestHead } from "../../../../../src/core/exchange.ts";
import { envelope } from "../../../../../src/proxy/lanes/dialects/grpc/envelope.ts";
import { bytesOfFirst, firstPayload } from "../../../../../src/proxy/lanes/dialects/grpc/first-message.ts";
import { flavourOf } from "../../../../../src/proxy/lanes/dialects/grpc/flavour.ts";

const headOf = (type: string) =>
  ({
    method: "POST",
    path: "/p.S/M",
    header: (name: string) => (name === "content-type" ? type : undefined),
  }) as RequestHead; // what the flavour of a call is told by

/** Feeds a stream octet by octet: where its first message was seen to be whole, and how often that was asked. */
function drip(type: string, stream: Uint8Array): { readonly at: number; readonly asked: number } {
  let needed = 0;
  let asked = 0;
  for (let at = 0; at <= stream.length; at++) {
    if (at < needed) continue;
    asked++;
    needed = bytesOfFirst(headOf(type), stream.subarray(0, at));
    if (needed <= at) return { at, asked };
  }
  return { at: Number.POSITIVE_INFINITY, asked };
}

const messages = fc.tuple(fc.uint8Array({ maxLength: 400 }), fc.uint8Array({ maxLength: 40 }));

test("first message: whole with its last octet, which is asked for twice", () => {
  fc.assert(
    fc.property(messages, ([first, second]) => {
      const stream = Buffer.concat([envelope(0, first), envelope(0, second)]);
      const { at, asked } = drip("application/grpc", stream);
      assert.equal(at, 5 + first.length);
      assert.ok(asked <= 3, `asked ${asked} times`);
    }),
  );
});

test("first message: as text, whole with its last group, whatever pieces the text was made of", () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(messages, pieces, ([first, second], sizes) => {
      const stream = Buffer.concat([envelope(0, first), envelope(0, second)]);
      let text = "";
      let wholeAt = Number.POSITIVE_INFINITY;
      for (let at = 0, index = 0; at < stream.length; index++) {
        const size = sizes[index % sizes.length] ?? 1;
        const piece = stream.subarray(at, at + size);
        const missing = 5 + first.length - at;
        if (missing > 0 && missing <= piece.length) wholeAt = text.length + 4 * Math.ceil(missing / 3);
        text += piece.toString("base64");
        at += size;
      }
      const { at, asked } = drip("application/grpc-web-text", Buffer.from(text));
      assert.equal(at, wholeAt);
      assert.ok(asked <= 24, `asked ${asked} times`);
    }),
  );
});

test("first message: only the end tells where a body is the message", () => {
  assert.equal(bytesOfFirst(headOf("application/json"), Buffer.from("{}")), Number.POSITIVE_INFINITY);
});

test("first message: that of a Connect call by GET stands in its query, compressed or not", () => {
  const payload = (query: string): string | undefined => {
    const head = {
      ...{ method: "GET", path: `/p.S/M?connect=v1&encoding=json&${query}`, headers: [] },
      header: () => undefined,
    } as unknown as RequestHead; // what the message of such a call is read from
    const flavour = flavourOf(head) ?? assert.fail("no flavour");
    const found = firstPayload(head, null, flavour);
    return found ? Buffer.from(found).toString() : undefined;
  };
  const zipped = gzipSync('{"a":1}').toString("base64url");
  assert.equal(payload("message=%7B%22a%22%3A1%7D"), '{"a":1}');
  assert.equal(payload("message=%7B%22a%22%3A1%7D&compression=identity"), '{"a":1}');
  assert.equal(payload(`message=${zipped}&base64=1&compression=gzip`), '{"a":1}');
  assert.equal(payload(`message=${zipped}&base64=1&compression=br`), undefined);
  assert.equal(payload("message=%7B%7D&compression=gzip"), undefined, "it is none");
  assert.equal(payload("base64=1"), undefined);
});
