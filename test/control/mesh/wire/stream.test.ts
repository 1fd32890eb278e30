import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOfHost, hostOfBytes } from "../../../../src/control/mesh/wire/ip-bytes.ts";
import { Keyring } from "../../../../src/control/mesh/wire/keyring.ts";
import {
  ackStruct,
  errorStruct,
  messageType,
  pingStruct,
  pushPullHeaderStruct,
  userHeaderStruct,
} from "../../../../src/control/mesh/wire/messages.ts";
import { encodePushPull } from "../../../../src/control/mesh/wire/push-pull.ts";
import { StreamCodec, type StreamOutcome } from "../../../../src/control/mesh/wire/stream.ts";

const ack = ackStruct.message(messageType.ack, { SeqNo: 3, Payload: null });
const key = Buffer.alloc(16, 1);

for (const [what, keyring, label] of [
  ["plain", new Keyring(), ""],
  ["labelled", new Keyring(), "blue"],
  ["encrypted and labelled", new Keyring([key]), "blue"],
] as const)
  test(`stream: ${what}, the label stands before what the dialler sends, and not before the answer`, () => {
    const codec = new StreamCodec({ keyring, label });
    assert.equal(codec.reader(true).push(codec.seal(ack, true))?.kind, "ack");
    assert.equal(codec.reader(false).push(codec.seal(ack, false))?.kind, "ack");
    if (label !== "") {
      assert.deepEqual(codec.reader(true).push(codec.seal(ack, false)), { kind: "drop", reason: "label" });
      assert.deepEqual(codec.reader(false).push(codec.seal(ack, true)), { kind: "drop", reason: "label" });
    }
  });

test("stream: every kind of message is read", () => {
  const codec = new StreamCodec({ keyring: new Keyring() });
  const kindOf = (message: Buffer) => codec.reader(true).push(message)?.kind;
  assert.equal(kindOf(pingStruct.message(messageType.ping, pingStruct.initial)), "ping");
  assert.equal(kindOf(errorStruct.message(messageType.error, { Error: "no" })), "error");
  assert.equal(kindOf(encodePushPull({ join: true, nodes: [], userState: Buffer.from("x") })), "push-pull");
  const user = Buffer.concat([
    userHeaderStruct.message(messageType.user, { UserMsgLen: 2 }),
    Buffer.from("hi"),
  ]);
  assert.deepEqual(codec.reader(true).push(user), { kind: "user", body: Buffer.from("hi") });
});

test("stream: what is unfit ends it with its reason", () => {
  const plain = new StreamCodec({ keyring: new Keyring() });
  const sealed = new StreamCodec({ keyring: new Keyring([key]) });
  const header = (Nodes: number, UserStateLen: number) =>
    pushPullHeaderStruct.message(messageType.pushPull, { Nodes, UserStateLen, Join: false });
  const cases: readonly (readonly [StreamCodec, Buffer, string])[] = [
    [plain, sealed.seal(ack, true), "undecryptable"],
    [sealed, ack, "undecryptable"],
    [sealed, Buffer.from("0affffffff", "hex"), "too-large"],
    [plain, header(1e6, 0), "too-large"],
    [plain, header(0, 1e9), "too-large"],
    [plain, Buffer.of(messageType.alive, 0x80), "malformed"],
    [plain, Buffer.of(messageType.label, 1, 97), "label"],
  ];
  for (const [codec, bytes, reason] of cases)
    assert.deepEqual(codec.reader(true).push(bytes), { kind: "drop", reason });
  const replayed = sealed.seal(ack, true);
  assert.equal(sealed.reader(true).push(replayed)?.kind, "ack");
  assert.deepEqual(sealed.reader(true).push(replayed), { kind: "drop", reason: "replay" });
});

test("stream: a sealed message that is complete and yet ends early is malformed, not awaited", () => {
  const codec = new StreamCodec({ keyring: new Keyring([key]) });
  assert.deepEqual(codec.reader(true).push(codec.seal(ack.subarray(0, -1), true)), {
    kind: "drop",
    reason: "malformed",
  });
});

test("stream: a large state is compressed, and read byte by byte", () => {
  const codec = new StreamCodec({ keyring: new Keyring() });
  const node = (n: number) => ({
    Name: `node-${n}`,
    Addr: Buffer.of(10, 0, 0, n),
    Port: 7_946,
    Meta: Buffer.alloc(40, n),
    Incarnation: n,
    State: 0,
    Vsn: Buffer.from([1, 5, 2, 2, 5, 5]),
  });
  const state = {
    join: false,
    nodes: Array.from({ length: 40 }, (_, n) => node(n)),
    userState: Buffer.alloc(500),
  };
  const message = encodePushPull(state);
  const bytes = codec.seal(message, true);
  assert.ok(bytes.length < message.length / 2);
  for (const input of [bytes, message]) {
    const reader = codec.reader(true);
    let outcome: StreamOutcome = null;
    for (const byte of input) outcome = reader.push(Buffer.of(byte));
    assert.deepEqual(outcome, { kind: "push-pull", state });
  }
});

test("addresses: texts and bytes, both ways", () => {
  for (const [text, hex] of [
    ["127.0.0.1", "7f000001"],
    ["::1", "00000000000000000000000000000001"],
    ["fe80::1%eth0", "fe800000000000000000000000000001"],
    ["2001:db8::8:800:200c:417a", "20010db80000000000080800200c417a"],
    ["::ffff:1.2.3.4", "00000000000000000000ffff01020304"],
  ] as const) {
    const bytes = bytesOfHost(text);
    assert.equal(bytes?.toString("hex"), hex);
    assert.deepEqual(bytesOfHost(hostOfBytes(bytes ?? Buffer.alloc(0)) ?? ""), bytes);
  }
  assert.equal(bytesOfHost("example.com"), null);
  assert.equal(hostOfBytes(Buffer.alloc(5)), null);
});
