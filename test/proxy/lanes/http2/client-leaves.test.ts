// A client that resets a claimed stream is heard by the upstream at once, as it would be without us, however far the call is.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import { errorCodes, frameTypes, resetFrame } from "../../../../src/proxy/lanes/http2/frames.ts";
import { between, type Pair } from "../../../conformance/http2/pair.ts";
import { dataFrame, hello, is, requestFrame, responseFrame, serverHello } from "./raw-peer.ts";

const patched: Partial<RuleSpec> = {
  name: "patched",
  patch: {
    request: { setHeaders: [["x-q", "1"]], removeHeaders: [], json: null, body: null },
    response: null,
  },
};

/** A request is under way to the upstream; `work` resolves when the client is to leave. */
function leaving(
  request: Buffer,
  work: (pair: Pair) => Promise<void> = async () => undefined,
): Promise<void> {
  return between({ rules: [patched] }, async (pair) => {
    const { client, upstream, rig } = pair;
    client.send(hello, request);
    const server = await upstream();
    server.send(serverHello);
    await server.until(is(frameTypes.headers, 1));
    await work(pair);
    client.send(resetFrame(1, errorCodes.cancel));
    assert.equal(await server.resetCode(1), errorCodes.cancel);
    const event = await rig.event((found) => found.kind === "call");
    assert.partialDeepStrictEqual(event, { outcome: "failed", flags: ["DC"] });
    // The link is as good as before.
    client.send(requestFrame(3, "/again"));
    await server.until(is(frameTypes.headers, 3));
    server.send(responseFrame(3, 200, 5));
    assert.ok(await client.until(is(frameTypes.headers, 3)));
  });
}

test("client leaves: while it waits for the reply", () => leaving(requestFrame(1, "/r")));

test("client leaves: in a reply that is silent", () =>
  leaving(requestFrame(1, "/r"), async ({ client, upstream }) => {
    (await upstream()).send(responseFrame(1), dataFrame(1, Buffer.from("first")));
    await client.until(is(frameTypes.data, 1));
  }));

test("client leaves: in its upload", () =>
  leaving(requestFrame(1, "/r", [], 4), async ({ client, upstream }) => {
    client.send(dataFrame(1, Buffer.from("first")));
    await (await upstream()).until(is(frameTypes.data, 1));
  }));
