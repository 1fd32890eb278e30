// An upstream that answers a claimed call before it has the whole request (RFC 9113 §8.1), as it does without a rule: it reads
// on, or it says that it does not want the rest.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import { errorCodes, frameTypes, resetFrame } from "../../../../src/proxy/lanes/http2/frames.ts";
import { between, type Pair } from "../../../conformance/http2/pair.ts";
import { noFault } from "../../../support/rule-spec.ts";
import { dataFrame, hello, is, type RawPeer, requestFrame, responseFrame, serverHello } from "./raw-peer.ts";

const delayed: Partial<RuleSpec> = {
  name: "d",
  fault: { ...noFault, delay: { type: "fixed", ms: 1 } },
};

/** The upstream has the first piece of an upload, and its answer has come to the client. */
async function answered({ client, upstream }: Pair, behind: readonly Buffer[] = []): Promise<RawPeer> {
  client.send(hello, requestFrame(1, "/", [], 4), dataFrame(1, Buffer.from("abc")));
  const server = await upstream();
  server.send(serverHello);
  await server.until(is(frameTypes.data, 1));
  server.send(responseFrame(1, 200, 5), ...behind);
  await client.until(is(frameTypes.headers, 1));
  return server;
}

const bodyOn = (peer: RawPeer) =>
  Buffer.concat(peer.frames.filter(is(frameTypes.data, 1)).map(({ payload }) => payload)).toString();

test("early reply: the upload goes on to its end", () =>
  between({ rules: [delayed] }, async (pair) => {
    const server = await answered(pair);
    pair.client.send(dataFrame(1, Buffer.from("def")), dataFrame(1, Buffer.from("ghi"), 1));
    await server.until(({ type, flags }) => type === frameTypes.data && flags === 1);
    assert.equal(bodyOn(server), "abcdefghi");
  }));

test("early reply: an upstream that does not want the rest stops the client, and gets none", () =>
  between({ rules: [delayed] }, async (pair) => {
    const { client } = pair;
    const server = await answered(pair, [resetFrame(1, errorCodes.none)]);
    assert.equal(await client.resetCode(1), errorCodes.none);
    client.send(dataFrame(1, Buffer.from("def"), 1), requestFrame(3, "/"));
    await server.until(is(frameTypes.headers, 3));
    assert.equal(bodyOn(server), "abc");
  }));

test("early reply: a client that gives the upload up is heard upstream, and the call has succeeded", () =>
  between({ rules: [delayed] }, async (pair) => {
    const server = await answered(pair);
    pair.client.send(dataFrame(1, Buffer.from("def")), resetFrame(1, errorCodes.cancel));
    assert.equal(await server.resetCode(1), errorCodes.cancel);
    const call = await pair.rig.event(({ kind }) => kind === "call");
    assert.partialDeepStrictEqual(call, { outcome: "relayed", status: 200, flags: ["DI"] });
  }));

test("early reply: an upstream that ends the connection meanwhile stops the upload, and the call has succeeded", () =>
  between({ rules: [delayed] }, async (pair) => {
    const server = await answered(pair);
    server.socket.end();
    pair.client.send(dataFrame(1, Buffer.alloc(60_000)), dataFrame(1, Buffer.from("x"), 1));
    await pair.client.until(is(frameTypes.windowUpdate, 0));
    const call = await pair.rig.event(({ kind }) => kind === "call");
    assert.partialDeepStrictEqual(call, { outcome: "relayed", status: 200, flags: ["DI"] });
  }));
