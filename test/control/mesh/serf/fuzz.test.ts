// Hostile messages of somebody who has the key: whatever a member is told, it goes on, holds no more than it may, and still
// answers a ping.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readFetchRequest } from "../../../../src/control/mesh/serf/fetches.ts";
import { answerKeyQuery, readKeyAnswer } from "../../../../src/control/mesh/serf/key-requests.ts";
import { Keyring } from "../../../../src/control/mesh/wire/keyring.ts";
import { messageType, pingStruct } from "../../../../src/control/mesh/wire/messages.ts";
import { compressed, PacketCodec } from "../../../../src/control/mesh/wire/packet.ts";
import { serfType } from "../../../../src/control/mesh/wire/serf-messages.ts";
import { hostOf, nameOf, Simulation } from "../simulation/simulated-mesh.ts";
import { vector } from "../vectors.ts";

const key = Buffer.alloc(32, 7);
const recorded = [
  "plain.raw-packet-compound",
  "lzw.raw-packet-compress",
  "plain.raw-packet-ack",
  "plain.raw-stream",
];

/** Recorded bytes from some place on, some of them changed; behind the type of a message, of Serf's or none. */
const hostile = fc
  .record({
    name: fc.constantFrom(...recorded),
    from: fc.nat(300),
    changes: fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { maxLength: 5 }),
    types: fc.constantFrom(
      [],
      ...Object.values(messageType).map((type) => [type]),
      ...Object.values(serfType).map((type) => [messageType.user, type]),
    ),
    squeezed: fc.boolean(),
  })
  .map(({ name, from, changes, types, squeezed }) => {
    const bytes = Buffer.from(vector(name));
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    const content = Buffer.concat([Buffer.from(types), bytes.subarray(from % bytes.length)]);
    return squeezed ? compressed(content) : content;
  });

test("fuzz: a member that is told nonsense under the right key lives on and answers", () => {
  const simulation = new Simulation({ members: 3, seed: 1, key });
  const all = simulation.serfMembers();
  simulation.clock.run(2_000);
  const codec = new PacketCodec({ keyring: new Keyring([key]) });
  const [member = assert.fail()] = all;
  const from = { host: hostOf(1), port: 7_946 };
  fc.assert(
    fc.property(hostile, (content) => {
      member.transport.handlers?.packet(codec.seal(content, false), from);
      simulation.clock.run(5);
    }),
    { numRuns: 2_000 },
  );
  assert.ok(member.serf.roster.size < 1_000, `${member.serf.roster.size} members`);
  const { malformed = 0 } = member.serf.counters().dropped;
  assert.ok(malformed > 100, `${malformed} were malformed`);
  const sent = simulation.network.packets;
  const ping = { SeqNo: 1, Node: nameOf(0), SourceAddr: Buffer.alloc(0), SourcePort: 0, SourceNode: "" };
  const message = pingStruct.message(messageType.ping, ping);
  member.transport.handlers?.packet(codec.seal(message, false), from);
  assert.ok(simulation.network.packets > sent, "it answers");
  for (const one of all) one.stop();
});

test("fuzz: questions and answers about keys, and fetches, give a value or none", () => {
  fc.assert(
    fc.property(hostile, (content) => {
      const keyring = new Keyring([key]);
      for (const operation of ["install-key", "use-key", "remove-key", "list-keys"] as const)
        answerKeyQuery(operation, content, keyring, () => undefined);
      assert.ok(keyring.keys.length >= 1, "the last key stays");
      readKeyAnswer("a", content);
      readFetchRequest(content);
    }),
    { numRuns: 1_000 },
  );
});
