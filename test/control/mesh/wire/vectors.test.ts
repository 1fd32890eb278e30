import assert from "node:assert/strict";
import { test } from "node:test";
import { joinMessages, splitCompound } from "../../../../src/control/mesh/wire/compound.ts";
import { Keyring } from "../../../../src/control/mesh/wire/keyring.ts";
import { lzwDecode, lzwEncode } from "../../../../src/control/mesh/wire/lzw.ts";
import {
  accusationStruct,
  ackStruct,
  aliveStruct,
  compressStruct,
  indirectPingStruct,
  messageType,
  nackStruct,
  pingStruct,
} from "../../../../src/control/mesh/wire/messages.ts";
import { PacketCodec } from "../../../../src/control/mesh/wire/packet.ts";
import { encodePushPull, PushPullParser } from "../../../../src/control/mesh/wire/push-pull.ts";
import {
  serfStateStruct,
  serfType,
  userEventStruct,
} from "../../../../src/control/mesh/wire/serf-messages.ts";
import { StreamCodec } from "../../../../src/control/mesh/wire/stream.ts";
import type { Struct } from "../../../../src/control/mesh/wire/struct.ts";
import { vector, vectorsOf } from "../vectors.ts";

function again<T>(bytes: Buffer, type: number, coded: Struct<T>): void {
  assert.equal(bytes[0], type);
  assert.equal(coded.message(type, coded.parse(bytes, 1)).toString("hex"), bytes.toString("hex"));
}

const structs = {
  ping: (bytes: Buffer) => again(bytes, messageType.ping, pingStruct),
  indirect: (bytes: Buffer) => again(bytes, messageType.indirectPing, indirectPingStruct),
  ack: (bytes: Buffer) => again(bytes, messageType.ack, ackStruct),
  nack: (bytes: Buffer) => again(bytes, messageType.nack, nackStruct),
  suspect: (bytes: Buffer) => again(bytes, messageType.suspect, accusationStruct),
  dead: (bytes: Buffer) => again(bytes, messageType.dead, accusationStruct),
  alive: (bytes: Buffer) => again(bytes, messageType.alive, aliveStruct),
  user: (bytes: Buffer) => {
    assert.equal(bytes[0], messageType.user);
    again(bytes.subarray(1), serfType.userEvent, userEventStruct);
  },
  compound: (bytes: Buffer) => {
    assert.deepEqual(joinMessages(splitCompound(bytes) ?? []), bytes);
  },
  compress: (bytes: Buffer) => {
    const { Algo, Buf } = compressStruct.parse(bytes, 1);
    again(bytes, messageType.compress, compressStruct);
    assert.equal(Algo, 0);
    assert.deepEqual(lzwEncode(lzwDecode(Buf, 65_536)), Buf);
  },
};

for (const [kind, check] of Object.entries(structs))
  for (const name of vectorsOf(kind))
    test(`recorded bytes: ${name} is read and written again byte for byte`, () => check(vector(name)));

for (const name of vectorsOf("stream-plain"))
  test(`recorded bytes: ${name} is read and written again byte for byte`, () => {
    const bytes = vector(name);
    const state = new PushPullParser().parse(bytes);
    assert.ok(typeof state !== "string");
    assert.deepEqual(
      state.nodes.map((node) => node.Name),
      ["s1", "s2"],
    );
    assert.equal(encodePushPull(state).toString("hex"), bytes.toString("hex"));
    again(state.userState, serfType.pushPull, serfStateStruct);
  });

for (const name of vectorsOf("raw-packet-crc"))
  test(`recorded bytes: the CRC of ${name} is right, and ours is the same`, () => {
    const codec = new PacketCodec({ keyring: new Keyring() });
    const types: number[] = [];
    codec.open(
      vector(name),
      (type) => types.push(type),
      (reason) => assert.fail(reason),
    );
    assert.equal(types[0], messageType.alive);
    assert.deepEqual(codec.seal(vector(name).subarray(5), true), vector(name));
  });

test("recorded bytes: an encrypted datagram opens with its key, and sealing with its nonce gives it back", () => {
  const bytes = vector("enc.raw-packet-enc");
  const keyring = new Keyring([vector("key")]);
  const opened = keyring.open(bytes, Buffer.alloc(0));
  assert.ok(opened);
  assert.deepEqual(keyring.seal(opened, Buffer.alloc(0), bytes.subarray(1, 13)), bytes);
});

for (const name of ["plain", "lzw", "enc"])
  test(`recorded bytes: the stream ${name}.raw-stream holds what was recorded plain`, () => {
    const codec = new StreamCodec({ keyring: new Keyring(name === "enc" ? [vector("key")] : []) });
    const reader = codec.reader(true);
    const bytes = vector(`${name}.raw-stream`);
    for (const byte of bytes.subarray(0, -1)) assert.equal(reader.push(Buffer.of(byte)), null);
    const outcome = reader.push(bytes.subarray(-1));
    assert.ok(outcome?.kind === "push-pull");
    assert.deepEqual(encodePushPull(outcome.state), vector(`${name}.stream-plain`));
  });
