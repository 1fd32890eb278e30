// An HTTP/2 connection that drained closed as soon as its last stream was over, though the very frames that ended the stream
// had not been written to the other side: replies lost their end, uploads their last DATA, refused clients the reason.

import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import { errorCodes, flags, frame, frameTypes, headerFrames } from "../../src/proxy/lanes/http2/frames.ts";
import { encodeLiterals } from "../../src/proxy/lanes/http2/hpack/literal-block.ts";
import type { Http2Stream } from "../../src/proxy/lanes/http2/stream.ts";
import { StreamMap } from "../../src/proxy/lanes/http2/stream-map.ts";
import { Wires, type WiresDeps } from "../../src/proxy/lanes/http2/wires.ts";
import { between } from "../conformance/http2/pair.ts";
import { hello, requestFrame, responseFrame, serverHello } from "../proxy/lanes/http2/raw-peer.ts";
import { replyWith } from "../support/rule-spec.ts";

const rules = [
  {
    name: "elsewhere",
    matches: [{ path: { op: "exact", value: "/never" } as const }],
    respond: replyWith("x"),
  },
];
const endOf = (stream: number, text: string) =>
  frame(frameTypes.data, flags.endStream, stream, Buffer.from(text));

test("http2, draining: a reply that comes in one read with its end arrives whole", () =>
  between({ mode: "fixed", rules }, async ({ client, upstream, rig }) => {
    client.send(hello, requestFrame(1, "/"));
    const server = await upstream();
    await server.until(({ type }) => type === frameTypes.headers);
    server.send(serverHello);
    await client.until(({ type, flags: bits }) => type === frameTypes.settings && bits === 0);
    void rig.drain();
    assert.equal(await client.goAwayCode(), errorCodes.none);
    const trailers = headerFrames(1, flags.endStream, encodeLiterals([["x-last", "1"]]));
    server.send(responseFrame(1), frame(frameTypes.data, 0, 1, Buffer.from("body")), trailers);
    const last = await client.until(
      ({ stream, flags: bits }) => stream === 1 && (bits & flags.endStream) !== 0,
    );
    assert.equal(last?.type, frameTypes.headers, "its trailers");
    assert.equal(client.frames.find(({ type }) => type === frameTypes.data)?.payload.toString(), "body");
    await client.until(() => false);
    assert.equal(client.ended, "fin");
  }));

test("http2, draining: DATA that ends the last stream goes up although its reply is long complete", () =>
  between({ mode: "fixed", rules }, async ({ client, upstream, rig }) => {
    client.send(hello, requestFrame(1, "/", [], flags.endStream ^ 0x5));
    const server = await upstream();
    await server.until(({ type }) => type === frameTypes.headers);
    server.send(serverHello, responseFrame(1), endOf(1, "early"));
    await client.until(({ type }) => type === frameTypes.data);
    void rig.drain();
    assert.equal(await client.goAwayCode(), errorCodes.none);
    client.send(endOf(1, "the rest"));
    const got = await server.until(({ type }) => type === frameTypes.data);
    assert.equal(got?.payload.toString(), "the rest");
  }));

test("http2: after our last words a client is read on, though the upstream takes nothing more", () => {
  const socket = new Socket();
  const table = { open: new StreamMap<Http2Stream>(), lastLocal: 0 };
  // Whether to read on asks nothing of the two halves.
  const halves = {} as Pick<WiresDeps, "client" | "up">;
  const wires = new Wires({ connection: { socket }, table, ...halves });
  wires.upstreamFull = true;
  wires.updateFlow();
  assert.equal(socket.isPaused(), true);
  wires.closing = true;
  wires.updateFlow();
  assert.equal(socket.isPaused(), false);
  socket.destroy();
});
