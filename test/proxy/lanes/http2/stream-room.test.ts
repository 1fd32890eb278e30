// Calls that a rule concerns keep to the number of streams that the upstream takes at once (RFC 9113 §5.1.2), also where many
// wait for the same place.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import { flags, frame, frameTypes, settingsFrame } from "../../../../src/proxy/lanes/http2/frames.ts";
import { between } from "../../../conformance/http2/pair.ts";
import { noFault } from "../../../support/rule-spec.ts";
import { hello, is, type RawPeer, requestFrame, responseFrame, serverHello } from "./raw-peer.ts";

const maxStreams = 3;
const sliced: Partial<RuleSpec> = { name: "s", fault: { ...noFault, slice: { bytes: 700, delayMs: 0 } } };
const ping = (number: number) => frame(frameTypes.ping, 0, 0, Buffer.alloc(8, number));
const asked = (peer: RawPeer) => peer.frames.filter(({ type }) => type === frameTypes.headers).length;

/** What was said before has been heard, and done. */
async function heard(peer: RawPeer, number: number): Promise<void> {
  peer.send(ping(number));
  await peer.until(
    ({ type, flags: bits, payload }) =>
      type === frameTypes.ping && bits === flags.ack && payload[0] === number,
  );
}

test("stream room: of many that wait, as many go as there is room for", () =>
  between({ rules: [sliced] }, async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/"));
    const server = await upstream();
    await server.until(is(frameTypes.headers, 1));
    server.send(serverHello, settingsFrame([[maxStreams, 1]]));
    await heard(server, 1);
    client.send(...[3, 5, 7, 9, 11].map((id) => requestFrame(id, "/")));
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(asked(server), 1);
    server.send(settingsFrame([[maxStreams, 3]]));
    await heard(server, 2);
    await heard(server, 3);
    assert.equal(asked(server), 3);
    server.send(responseFrame(1, 200, 5), responseFrame(3, 200, 5));
    await heard(server, 4);
    await heard(server, 5);
    assert.equal(asked(server), 5);
    server.send(responseFrame(5, 200, 5));
    await server.until(is(frameTypes.headers, 11));
  }));
