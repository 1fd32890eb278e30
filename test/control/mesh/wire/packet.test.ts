import assert from "node:assert/strict";
import { test } from "node:test";
import { joinAll, joinMessages, splitCompound } from "../../../../src/control/mesh/wire/compound.ts";
import { Keyring } from "../../../../src/control/mesh/wire/keyring.ts";
import { lzwEncode } from "../../../../src/control/mesh/wire/lzw.ts";
import {
  compressStruct,
  messageType,
  nackStruct,
  pingStruct,
} from "../../../../src/control/mesh/wire/messages.ts";
import { type DropReason, PacketCodec } from "../../../../src/control/mesh/wire/packet.ts";

const nack = nackStruct.message(messageType.nack, { SeqNo: 7 });

function opened(codec: PacketCodec, packet: Buffer): { messages: string[]; drops: DropReason[] } {
  const messages: string[] = [];
  const drops: DropReason[] = [];
  codec.open(
    packet,
    (_, message) => messages.push(message.toString("hex")),
    (reason) => drops.push(reason),
  );
  return { messages, drops };
}

const once = { messages: [nack.toString("hex")], drops: [] };

for (const [what, options] of [
  ["plain", { keyring: new Keyring() }],
  ["labelled", { keyring: new Keyring(), label: "blue" }],
  ["encrypted", { keyring: new Keyring([Buffer.alloc(16, 1)]) }],
  ["encrypted with 24 bytes and labelled", { keyring: new Keyring([Buffer.alloc(24, 1)]), label: "blue" }],
] as const)
  test(`packet: ${what}, what was sealed opens, with a CRC and without`, () => {
    const codec = new PacketCodec(options);
    assert.deepEqual(opened(codec, codec.seal(nack, false)), once);
    assert.deepEqual(opened(codec, codec.seal(nack, true)), once);
  });

test("packet: large content is compressed where that is wanted", () => {
  const codec = new PacketCodec({ keyring: new Keyring(), compress: true });
  const content = joinMessages(new Array(100).fill(nack));
  const packet = codec.seal(content, false);
  assert.ok(packet.length < content.length / 3);
  assert.equal(opened(codec, packet).messages.length, 100);
});

test("packet: what is unfit is dropped with its reason", () => {
  const plain = new PacketCodec({ keyring: new Keyring() });
  const blue = new PacketCodec({ keyring: new Keyring(), label: "blue" });
  const sealed = new PacketCodec({ keyring: new Keyring([Buffer.alloc(16, 1)]) });
  const otherKey = new PacketCodec({ keyring: new Keyring([Buffer.alloc(32, 2)]) });
  const bad = plain.seal(nack, true);
  bad.writeUInt8(bad.readUInt8(bad.length - 1) ^ 1, bad.length - 1);
  const bomb = compressStruct.message(messageType.compress, {
    Algo: 0,
    Buf: lzwEncode(Buffer.alloc(70_000)),
  });
  const nested = [1, 2, 3, 4, 5].reduce(
    (inner) => Buffer.concat([Buffer.of(7, 1, inner.length >> 8, inner.length & 255), inner]),
    nack,
  );
  const cases: readonly (readonly [PacketCodec, Buffer, DropReason])[] = [
    [plain, blue.seal(nack, false), "label"],
    [blue, nack, "label"],
    [sealed, nack, "undecryptable"],
    [sealed, otherKey.seal(nack, false), "undecryptable"],
    [plain, bad, "crc"],
    [plain, bomb, "too-large"],
    [plain, nested, "malformed"],
    [plain, Buffer.of(messageType.compound, 9, 0), "malformed"],
    [plain, Buffer.alloc(0), "malformed"],
  ];
  for (const [codec, packet, reason] of cases)
    assert.deepEqual(opened(codec, packet), { messages: [], drops: [reason] });
});

test("packet: a recorded encrypted packet is not taken a second time", () => {
  const codec = new PacketCodec({ keyring: new Keyring([Buffer.alloc(16, 1)]) });
  const packet = codec.seal(nack, false);
  assert.deepEqual(opened(codec, packet), once);
  assert.deepEqual(opened(codec, packet), { messages: [], drops: ["replay"] });
});

test("keyring: rotation installs, uses, removes; the primary stays", () => {
  const [a, b] = [Buffer.alloc(16, 1), Buffer.alloc(32, 2)];
  const keyring = new Keyring([a]);
  assert.equal(keyring.use(b).ok, false);
  assert.equal(keyring.install(b).ok, true);
  assert.equal(keyring.install(Buffer.alloc(5)).ok, false);
  const byA = keyring.seal(nack, Buffer.alloc(0));
  assert.equal(keyring.use(b).ok, true);
  assert.equal(keyring.remove(b).ok, false);
  assert.deepEqual(keyring.open(byA, Buffer.alloc(0)), nack);
  assert.equal(keyring.remove(a).ok, true);
  assert.equal(keyring.open(byA, Buffer.alloc(0)), null);
  assert.throws(
    () => new Keyring([Buffer.alloc(7)]),
    /gossip keys\[0\]: expected a key of 16, 24 or 32 bytes, got 7/,
  );
});

test("keyring: the padded form of old peers opens", async () => {
  const { createCipheriv } = await import("node:crypto");
  const key = Buffer.alloc(16, 3);
  const nonce = Buffer.alloc(12, 9);
  const cipher = createCipheriv("aes-128-gcm", key, nonce);
  const padded = Buffer.concat([nack, Buffer.alloc(16 - (nack.length % 16), 16 - (nack.length % 16))]);
  const sealed = Buffer.concat([
    Buffer.of(0),
    nonce,
    cipher.update(padded),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  assert.deepEqual(new Keyring([key]).open(sealed, Buffer.alloc(0)), nack);
});

test("compound: a cut last part leaves the earlier ones; more than 255 messages make several", () => {
  const two = joinMessages([nack, nack]);
  assert.deepEqual(splitCompound(two.subarray(0, -1)), [nack]);
  assert.equal(joinAll(new Array(600).fill(nack)).length, 3);
});

test("struct: unknown fields are skipped, arrays are read in order of declaration, wrong kinds are faults", () => {
  const ping = (hex: string) => pingStruct.parse(Buffer.from(hex, "hex"));
  assert.equal(ping("83a15892c093a161d90162c4010aa55365714e6fd105dca44e6f6465a178").SeqNo, 1_500);
  assert.deepEqual(
    { ...ping("9205a16e"), SourceAddr: 0 },
    { ...pingStruct.initial, SeqNo: 5, Node: "n", SourceAddr: 0 },
  );
  assert.throws(() => ping("81a55365714e6fa131"), /expected an integer/);
  assert.throws(() => ping("81a55365714e6fd0ff"), /expected a number from 0/);
  assert.throws(() => ping("81a55365714e6fcfffffffffffffffff"), /beyond 2\^53/);
  assert.throws(() => ping("81a44e6f6465"), /end early/);
});

test("packet: a small datagram cannot hold thousands of messages to be answered", () => {
  const codec = new PacketCodec({ keyring: new Keyring(), compress: true });
  const ping = pingStruct.message(messageType.ping, pingStruct.initial);
  const many = joinMessages(Array.from({ length: 255 }, () => ping));
  const packet = codec.seal(joinMessages(Array.from({ length: 12 }, () => many)), false);
  assert.ok(packet.length < 6_000, `${packet.length} bytes`);
  const dropped: string[] = [];
  let messages = 0;
  codec.open(
    packet,
    () => messages++,
    (reason) => void dropped.push(reason),
  );
  assert.deepEqual([messages <= 1_024, messages > 255, dropped], [true, true, ["too-large"]]);
});
