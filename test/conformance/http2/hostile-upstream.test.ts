// RFC 9113 and RFC 7541 on the side of the upstream, section by section: what a broken server sends must not reach the client,
// neither over the pinned link (nobody claims the call) nor over the rich link (a rule does).

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  errorCodes,
  flags,
  frame,
  frameTypes,
  goAwayFrame,
  headerFrames,
  preface,
  resetFrame,
  settingsFrame,
  uint32,
} from "../../../src/proxy/lanes/http2/frames.ts";
import { encodeLiterals } from "../../../src/proxy/lanes/http2/hpack/literal-block.ts";
import {
  hello,
  type RawPeer,
  requestFrame,
  responseFrame,
  serverHello,
} from "../../proxy/lanes/http2/raw-peer.ts";
import { noFault } from "../../support/rule-spec.ts";
import { connectionErrors, data, held, malformed, malformedLater, roads } from "./hostile-upstream-cases.ts";
import { between, type Pair } from "./pair.ts";

const { protocol } = errorCodes;
/** A client that wants no push. */
const noPush = Buffer.concat([preface, settingsFrame([[2, 0]])]);

for (const [road, path] of roads)
  for (const [what, code, bytes] of connectionErrors) {
    // Over the rich link the window opens again while the reply is read.
    if (road === "rich" && what.startsWith("§6.9.1 more DATA")) continue;
    test(`hostile upstream, ${road} link: ${what}`, () =>
      between({ rules: [held], mode: "fixed" }, async ({ client, upstream, rig }) => {
        client.send(noPush, requestFrame(1, path));
        const server = await upstream();
        await server.until(({ type }) => type === frameTypes.headers);
        server.send(bytes);
        assert.equal(await server.goAwayCode(), code);
        const event = await rig.event(({ kind }) => kind === "call");
        assert.partialDeepStrictEqual(event, { flags: ["UPE"], outcome: "failed" });
        if (road === "pinned") assert.equal(await client.goAwayCode(), errorCodes.internal);
        else await client.until(({ stream, type }) => stream === 1 && (type === 1 || type === 3));
      }));
  }

async function goesOn({ client }: Pair, server: RawPeer, path: string): Promise<void> {
  client.send(requestFrame(3, path));
  const request = await server.until(({ type }) => type === frameTypes.headers && server.frames.length > 0);
  assert.ok(request);
  await server.until(({ type, stream }) => type === frameTypes.headers && stream === 3);
  server.send(
    frame(
      frameTypes.headers,
      0x5,
      3,
      encodeLiterals([
        [":status", "204"],
        ["x-after", "1"],
      ]),
    ),
  );
  await client.until(({ type, stream }) => type === frameTypes.headers && stream === 3);
  const fields = client.frames
    .filter(({ type }) => type === frameTypes.headers)
    .map(({ stream, payload }) => [stream, client.fields(payload)] as const);
  assert.deepEqual(fields.find(([stream]) => stream === 3)?.[1], [
    [":status", "204"],
    ["x-after", "1"],
  ]);
}

for (const [road, path] of roads) {
  for (const [what, bytes] of malformed)
    test(`hostile upstream, ${road} link: ${what}: 502, and the connection goes on`, () =>
      between({ rules: [held], mode: "fixed" }, async (pair) => {
        const { client, upstream, rig } = pair;
        client.send(noPush, requestFrame(1, path));
        const server = await upstream();
        await server.until(({ type }) => type === frameTypes.headers);
        server.send(serverHello, bytes);
        assert.equal(await server.resetCode(1), protocol);
        const body = await client.until(({ type, stream }) => type === frameTypes.data && stream === 1);
        assert.match(
          body?.payload.toString() ?? "",
          /^understudy: the upstream sent a malformed response: .+\n$/,
        );
        const event = await rig.event(({ kind }) => kind === "call");
        assert.partialDeepStrictEqual(event, { status: 502, flags: ["UPE"], outcome: "failed" });
        await goesOn(pair, server, path);
      }));
  for (const [what, bytes] of malformedLater)
    test(`hostile upstream, ${road} link: ${what}: the stream is reset, and the connection goes on`, () =>
      between({ rules: [held], mode: "fixed" }, async (pair) => {
        const { client, upstream } = pair;
        client.send(noPush, requestFrame(1, path));
        const server = await upstream();
        await server.until(({ type }) => type === frameTypes.headers);
        server.send(serverHello, bytes);
        assert.equal(await server.resetCode(1), protocol);
        assert.equal(await client.resetCode(1), road === "pinned" ? protocol : errorCodes.internal);
        const ended = client.frames.find(
          ({ stream, flags: bits, type }) => stream === 1 && type <= 1 && (bits & 1) === 1,
        );
        assert.equal(ended, undefined, "nothing may look like the whole response");
        await goesOn(pair, server, path);
      }));
}

test("hostile upstream: a block that was kept back leaves the client's header table in step with ours", () =>
  between({ mode: "fixed", rules: [held] }, async ({ client, upstream }) => {
    const stored = (name: string, value: string) =>
      Buffer.concat([
        Buffer.from([0x40, name.length]),
        Buffer.from(name),
        Buffer.from([value.length]),
        Buffer.from(value),
      ]);
    const block = (...parts: readonly Buffer[]) => Buffer.concat([Buffer.from([0x88]), ...parts]); // :status 200
    client.send(
      hello,
      requestFrame(1, "/a"),
      requestFrame(3, "/a"),
      requestFrame(5, "/a"),
      requestFrame(7, "/a"),
    );
    const server = await upstream();
    await server.until(({ stream }) => stream === 7);
    server.send(
      serverHello,
      headerFrames(1, flags.endStream, block(stored("x-one", "1"))),
      headerFrames(3, flags.endStream, block(stored("X-BAD", "2"), stored("x-two", "2"))),
      headerFrames(5, flags.endStream, block(Buffer.from([0xbe, 0xc0]))), // x-two, x-one
      headerFrames(7, flags.endStream, block(Buffer.from([0xbe]), stored("x-three", "3"))),
    );
    await client.until(({ stream, type }) => stream === 7 && type === frameTypes.headers);
    const got = client.frames
      .filter(({ type }) => type === frameTypes.headers)
      .map(({ stream, payload }) => [
        stream,
        client
          .fields(payload)
          .slice(1)
          .filter(([name]) => name.startsWith("x-")),
      ]);
    assert.deepEqual(got, [
      [1, [["x-one", "1"]]],
      [3, []],
      [
        5,
        [
          ["x-two", "2"],
          ["x-one", "1"],
        ],
      ],
      [
        7,
        [
          ["x-two", "2"],
          ["x-three", "3"],
        ],
      ],
    ]);
  }));

test("hostile upstream: what it sends on a stream that is answered here goes nowhere, and costs no window", () =>
  between(
    { mode: "fixed", rules: [{ ...held, fault: { ...noFault, abort: { kind: "hang" } } }] },
    async ({ client, upstream }) => {
      client.send(hello, requestFrame(1, "/rich"), requestFrame(3, "/a"));
      const server = await upstream();
      await server.until(({ stream }) => stream === 3);
      server.send(
        serverHello,
        responseFrame(1),
        data(9_000, 0, 1),
        resetFrame(1, 0),
        responseFrame(3),
        data(1, 1, 3),
      );
      await client.until(({ stream, type }) => stream === 3 && type === frameTypes.data);
      assert.deepEqual(
        client.frames.filter(({ stream }) => stream === 1),
        [],
      );
      const granted = await server.until(
        ({ type, stream }) => type === frameTypes.windowUpdate && stream === 0,
      );
      assert.deepEqual(granted?.payload, uint32(9_000));
    },
  ));

test("§6.8 GOAWAY: a call on the rich link beyond the last stream is refused, so that its client sends it again", () =>
  between({ mode: "fixed", rules: [held] }, async ({ client, upstream, rig }) => {
    client.send(hello, requestFrame(1, "/rich"));
    const server = await upstream();
    await server.until(({ type }) => type === frameTypes.headers);
    server.send(serverHello, goAwayFrame(0, errorCodes.none));
    assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "call"), {
      outcome: "failed",
      flags: ["UC"],
    });
    assert.equal(await client.resetCode(1), errorCodes.refusedStream);
  }));

for (const mode of ["fixed", "transparent"] as const)
  test(`§7: a call on the rich link that the upstream resets ends with the upstream's own code (${mode})`, () =>
    between({ mode, rules: [held] }, async ({ client, upstream }) => {
      client.send(hello, requestFrame(1, "/rich"), requestFrame(3, "/rich"));
      const server = await upstream();
      await server.until(({ type, stream }) => type === frameTypes.headers && stream === 3);
      server.send(serverHello, resetFrame(1, errorCodes.enhanceYourCalm));
      assert.equal(await client.resetCode(1), errorCodes.enhanceYourCalm);
      server.send(responseFrame(3), resetFrame(3, errorCodes.cancel));
      assert.equal(await client.resetCode(3), errorCodes.cancel);
    }));
