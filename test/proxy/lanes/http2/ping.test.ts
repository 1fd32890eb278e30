// Who answers a client's PING: the upstream, but for those that our own DATA brings about. Clients of gRPC measure their
// bandwidth with them, and servers of gRPC leave (too_many_pings) where PING comes and they have sent nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import { flags, frame, frameTypes } from "../../../../src/proxy/lanes/http2/frames.ts";
import { between } from "../../../conformance/http2/pair.ts";
import { noFault, replyWith } from "../../../support/rule-spec.ts";
import {
  hello,
  is,
  type RawFrame,
  type RawPeer,
  requestFrame,
  responseFrame,
  serverHello,
} from "./raw-peer.ts";

const mock: Partial<RuleSpec> = {
  name: "mock",
  matches: [{ path: { op: "exact", value: "/m" } }],
  respond: replyWith("hi"),
};
const hanging: Partial<RuleSpec> = {
  name: "hanging",
  matches: [{ path: { op: "exact", value: "/h" } }],
  fault: { ...noFault, abort: { kind: "hang" } },
};

const ping = (text: string) => frame(frameTypes.ping, 0, 0, Buffer.from(text.padEnd(8)));
const ack = (text: string) => frame(frameTypes.ping, flags.ack, 0, Buffer.from(text.padEnd(8)));
const isPing = (text: string) => (given: RawFrame) =>
  given.type === frameTypes.ping && given.payload.toString().trim() === text;

/** The PINGs that a peer has been sent. */
const pings = ({ frames }: RawPeer) =>
  frames.filter(({ type }) => type === frameTypes.ping).map(({ payload }) => payload.toString().trim());

test("PING: two behind DATA of ours are answered here, others go to the upstream", () =>
  between({ rules: [mock] }, async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/r"));
    const server = await upstream();
    server.send(serverHello);
    await server.until(is(frameTypes.headers, 1));
    client.send(ping("before"));
    assert.ok(await server.until(isPing("before")));
    server.send(ack("before"));
    client.send(requestFrame(3, "/m"));
    await client.until(is(frameTypes.data, 3));
    for (const text of ["first", "second"]) {
      client.send(ping(text));
      assert.equal((await client.until(isPing(text)))?.flags, flags.ack);
    }
    client.send(ping("third"));
    assert.ok(await server.until(isPing("third")));
    assert.deepEqual(pings(server), ["before", "third"]);
  }));

test("PING: it is answered here while the upstream knows of none of the streams that are open", () =>
  between({ rules: [hanging] }, async ({ client, upstream }) => {
    client.send(hello, requestFrame(1, "/r"));
    const server = await upstream();
    server.send(serverHello, responseFrame(1, 200, 5));
    await client.until(is(frameTypes.headers, 1));
    client.send(requestFrame(3, "/h"), ping("alone"));
    assert.equal((await client.until(isPing("alone")))?.flags, flags.ack);
    client.send(requestFrame(5, "/r"), ping("beside"));
    assert.ok(await server.until(isPing("beside")));
    assert.deepEqual(pings(server), ["beside"]);
  }));
