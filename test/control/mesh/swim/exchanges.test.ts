// The streams that others open: how many, how long, how many bytes, and who has to go when there is no room.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ExchangeOutcome, Exchanges } from "../../../../src/control/mesh/swim/exchanges.ts";
import type { MeshStream, StreamHandler } from "../../../../src/control/mesh/transport.ts";
import { Keyring } from "../../../../src/control/mesh/wire/keyring.ts";
import { ackStruct, messageType, pingStruct } from "../../../../src/control/mesh/wire/messages.ts";
import { StreamCodec } from "../../../../src/control/mesh/wire/stream.ts";
import { seededRandom } from "../../../../src/core/random.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const keyring = new Keyring([Buffer.alloc(16, 1)]);
const codec = new StreamCodec({ keyring });
const ping = codec.seal(pingStruct.message(messageType.ping, pingStruct.initial), true);
const ack = ackStruct.message(messageType.ack, { SeqNo: 0, Payload: null });
/** The start of a sealed message of so many bytes, of which the rest never comes. */
const promise = (bytes: number) =>
  Buffer.from([10, ...Buffer.from(bytes.toString(16).padStart(8, "0"), "hex")]);

class FakeStream implements MeshStream {
  readonly peer = { host: "10.0.0.9", port: 1 };
  readonly written: Buffer[] = [];
  open = true;
  handler: StreamHandler | null = null;

  write(bytes: Buffer): void {
    this.written.push(bytes);
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (!this.open) return;
    this.open = false;
    this.handler?.closed();
  }
}

function exchangesUnderTest(answers = true) {
  const clock = manualClock();
  const dropped: string[] = [];
  const dialled = new FakeStream();
  const exchanges = new Exchanges({
    clock,
    codec: new StreamCodec({ keyring }),
    timeoutMs: 10_000,
    transport: {
      dial(_to, handler) {
        dialled.handler = handler;
        return dialled;
      },
    },
    answer: (_message, _from, respond) => answers && respond(ack),
    dropped: (reason) => void dropped.push(reason),
  });
  const accept = () => {
    const stream = new FakeStream();
    stream.handler = exchanges.accept(stream);
    if (stream.handler === null) stream.open = false;
    return stream;
  };
  return { clock, dropped, dialled, exchanges, accept };
}

test("exchanges: streams that say nothing keep no member out, and are counted", async () => {
  const { clock, dropped, accept } = exchangesUnderTest();
  const strangers = Array.from({ length: 64 }, accept);
  const member = accept();
  assert.deepEqual([strangers[0]?.open, strangers[1]?.open], [false, true]);
  member.handler?.data(ping);
  assert.equal(member.written.length, 1);
  await clock.advance(10_000);
  assert.equal(strangers.filter(({ open }) => open).length, 0);
  assert.deepEqual(
    [
      dropped.filter((reason) => reason === "crowded").length,
      dropped.filter((reason) => reason === "slow").length,
    ],
    [1, 63],
  );
});

test("exchanges: whoever waits for our answer is not hung up on for a newcomer", () => {
  const { dropped, accept } = exchangesUnderTest(false);
  const members = Array.from({ length: 64 }, accept);
  for (const [index, { handler }] of members.entries())
    handler?.data(
      codec.seal(pingStruct.message(messageType.ping, { ...pingStruct.initial, SeqNo: index }), true),
    );
  assert.equal(accept().open, false);
  assert.equal(
    members.every(({ open }) => open),
    true,
  );
  assert.deepEqual(dropped, ["crowded"]);
});

test("exchanges: who fills the room for unfinished messages is hung up on, not whoever comes next", () => {
  const { dropped, accept } = exchangesUnderTest();
  const megabyte = Buffer.alloc(1_024 * 1_024);
  const strangers = [accept(), accept(), accept(), accept()];
  for (const { handler } of strangers) handler?.data(promise(12 * 1_024 * 1_024));
  for (let i = 0; i < 8; i++) for (const { handler, open } of strangers) if (open) handler?.data(megabyte);
  assert.equal(strangers.filter(({ open }) => open).length, 3);
  const member = accept();
  member.handler?.data(ping);
  assert.equal(member.written.length, 1);
  assert.deepEqual(dropped, ["crowded"]);
});

test("exchanges: what is too large to send is a failure of that exchange alone", () => {
  const { dropped, dialled, exchanges } = exchangesUnderTest();
  const outcomes: ExchangeOutcome[] = [];
  const random = Buffer.alloc(13 * 1_024 * 1_024);
  const chance = seededRandom(3);
  for (let i = 0; i < random.length; i += 4) random.writeUInt32LE(chance.uint32(), i);
  exchanges.request({ host: "10.0.0.1", port: 1 }, random, (outcome) => outcomes.push(outcome));
  assert.deepEqual(outcomes, [{ ok: false, problem: "what was to be sent is too large for a stream" }]);
  assert.deepEqual([dialled.open, dropped], [false, ["too-large"]]);
});
