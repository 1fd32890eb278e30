// Looking inside compressed messages: every form that RFC 7692 §7.2.1 lets a sender use.

import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { CompressedMessages } from "../../../../src/proxy/lanes/websocket/compression.ts";

const limitBytes = 10_000;
const open = (takeover = true) => new CompressedMessages({ takeover, windowBits: 15 });

function block(text: string, isFinal: boolean, dictionary = ""): Buffer {
  const { Z_FINISH, Z_SYNC_FLUSH } = constants;
  return deflateRawSync(text, {
    finishFlush: isFinal ? Z_FINISH : Z_SYNC_FLUSH,
    ...(dictionary ? { dictionary: Buffer.from(dictionary) } : {}),
  });
}

/** §7.2.1: without the empty block at its end. */
const ended = (bytes: Buffer) => bytes.subarray(0, bytes.length - 4);
const first = "the same old story ";
const second = "about the same old story";

test("compression: what stands behind a final block is read, and may refer to what is before it", () => {
  const payload = Buffer.concat([block(first, true), ended(block(second, false, first))]);
  for (const takeover of [true, false])
    assert.equal(open(takeover).inflate(payload, limitBytes).toString(), first + second);
});

test("compression: the next message may refer to all blocks of the one before", () => {
  const messages = open();
  messages.inflate(Buffer.concat([block(first, true), ended(block(second, false, first))]), limitBytes);
  const next = ended(block(second, false, first + second));
  assert.ok(next.length < 10);
  assert.equal(messages.inflate(next, limitBytes).toString(), second);
});

test("compression: a final block may be the last, with or without the octet behind it", () => {
  for (const behind of [[0], []])
    assert.equal(
      open()
        .inflate(Buffer.concat([block(first, true), Buffer.from(behind)]), limitBytes)
        .toString(),
      first,
    );
});

test("compression: the limit is that of all blocks together", () => {
  const half = block("x".repeat(limitBytes / 2), true);
  assert.equal(open().inflate(Buffer.concat([half, half]), limitBytes).length, limitBytes);
  assert.equal(open().inflate(Buffer.concat([half, half, block("x", true)]), limitBytes), "large");
});

test("compression: very many final blocks are not read: each costs as much as a message", () => {
  const empty = block("", true);
  assert.equal(
    open()
      .inflate(Buffer.concat(Array.from({ length: 40 }, () => empty)), limitBytes)
      .toString(),
    "",
  );
  assert.equal(open().inflate(Buffer.concat(Array.from({ length: 100 }, () => empty)), limitBytes), "large");
});

test("compression: what is no deflate data behind a final block is broken", () => {
  assert.equal(
    open().inflate(Buffer.concat([block(first, true), Buffer.from([0xff, 0xff, 0xff])]), limitBytes),
    "broken",
  );
});
