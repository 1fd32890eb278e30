// Hostile bytes at every decoder: whatever comes, there is an outcome, soon, and nothing large is allocated for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { passes } from "../../../../src/control/mesh/serf/query-filter.ts";
import { decodeTags } from "../../../../src/control/mesh/serf/tags.ts";
import { splitCompound } from "../../../../src/control/mesh/wire/compound.ts";
import { Keyring } from "../../../../src/control/mesh/wire/keyring.ts";
import { lzwDecode, lzwEncode } from "../../../../src/control/mesh/wire/lzw.ts";
import {
  accusationStruct,
  ackStruct,
  aliveStruct,
  compressStruct,
  indirectPingStruct,
  nodeStateStruct,
  pingStruct,
} from "../../../../src/control/mesh/wire/messages.ts";
import { PacketCodec } from "../../../../src/control/mesh/wire/packet.ts";
import { PushPullParser } from "../../../../src/control/mesh/wire/push-pull.ts";
import {
  queryStruct,
  relayHeaderStruct,
  serfStateStruct,
  userEventStruct,
} from "../../../../src/control/mesh/wire/serf-messages.ts";
import { StreamCodec } from "../../../../src/control/mesh/wire/stream.ts";
import { attempt } from "../../../../src/control/mesh/wire/wire-fault.ts";
import { vector } from "../vectors.ts";

const structs = [
  pingStruct,
  indirectPingStruct,
  ackStruct,
  accusationStruct,
  aliveStruct,
  nodeStateStruct,
  compressStruct,
  userEventStruct,
  queryStruct,
  relayHeaderStruct,
  serfStateStruct,
];
const key = vector("key");
const packets = [
  "plain.raw-packet-compound",
  "plain.raw-packet-crc",
  "lzw.raw-packet-compress",
  "plain.raw-packet-ack",
];
const streams = ["plain.raw-stream", "lzw.raw-stream", "enc.raw-stream"];

/** Random bytes, or recorded ones with some bytes changed, cut or doubled. */
const hostile = (names: readonly string[]) =>
  fc.oneof(
    fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(
        fc.constantFrom(...names),
        fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { maxLength: 6 }),
        fc.nat(2_000),
      )
      .map(([name, changes, length]) => {
        const bytes = Buffer.from(vector(name));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes.subarray(0, Math.max(1, length % (bytes.length * 2)));
      }),
  );

test("fuzz: structs give a value or a fault", () => {
  fc.assert(
    fc.property(hostile(packets), (bytes) => {
      for (const coded of structs) attempt(() => coded.parse(bytes, 1) as object);
      decodeTags(bytes);
      passes([bytes], "name", new Map([["role", "x"]]));
      splitCompound(bytes);
    }),
    { numRuns: 2_000 },
  );
});

test("fuzz: datagrams give messages or drops, at most as many as their bytes hold", () => {
  const codecs = [
    new PacketCodec({ keyring: new Keyring() }),
    new PacketCodec({ keyring: new Keyring([key]) }),
    new PacketCodec({ keyring: new Keyring(), label: "mesh" }),
  ];
  fc.assert(
    fc.property(hostile([...packets, "enc.raw-packet-enc"]), (bytes) => {
      for (const codec of codecs) {
        let outcomes = 0;
        codec.open(
          bytes,
          () => outcomes++,
          () => outcomes++,
        );
        assert.ok(outcomes <= 65_536);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("fuzz: streams in any pieces give a message, a drop, or wait for more", () => {
  fc.assert(
    fc.property(hostile(streams), fc.integer({ min: 1, max: 64 }), (bytes, size) => {
      for (const keyring of [new Keyring(), new Keyring([key])]) {
        const reader = new StreamCodec({ keyring }).reader(true);
        for (let at = 0; at < bytes.length; at += size)
          if (reader.push(bytes.subarray(at, at + size)) !== null) break;
      }
      new PushPullParser().parse(bytes);
    }),
    { numRuns: 1_000 },
  );
});

test("fuzz: LZW gives back what it was given, and makes no more than it may of anything", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 20_000 }),
        fc.array(fc.constantFrom(0, 1, 2), { maxLength: 20_000 }),
      ),
      (bytes) => {
        const input = Buffer.from(bytes);
        assert.ok(lzwDecode(lzwEncode(input), 20_000).equals(input));
        const decoded = attempt(() => lzwDecode(input, 1_000));
        assert.ok(typeof decoded === "string" || decoded.length <= 1_000);
      },
    ),
    { numRuns: 150 },
  );
});

test("fuzz: a short claim of a huge length costs nothing", () => {
  const claims = ["ddffffffff", "dfffffffff", "dbffffffff", "c6ffffffff", "ddfffffffe01"];
  const before = process.memoryUsage().arrayBuffers;
  for (const claim of claims)
    for (const coded of structs) {
      const named = Buffer.concat([Buffer.from("0081a44d657461", "hex"), Buffer.from(claim, "hex")]);
      for (const bytes of [Buffer.from(`00${claim}`, "hex"), named])
        attempt(() => coded.parse(bytes, 1) as object);
    }
  assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000);
});
