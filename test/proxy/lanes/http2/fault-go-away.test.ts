// GOAWAY that a rule asks for, frame by frame: what it disowns, what is reset, and what goes on (RFC 9113 §6.8).

import assert from "node:assert/strict";
import { test } from "node:test";
import { errorCodes, frameTypes } from "../../../../src/proxy/lanes/http2/frames.ts";
import { openRig } from "../../../support/rig.ts";
import { noFault, replyWith } from "../../../support/rule-spec.ts";
import { hello, RawPeer, requestFrame } from "./raw-peer.ts";

interface Case {
  readonly name: string;
  readonly code: number;
  /** Requests in one go: `/away` on the first of them that has that path. */
  readonly paths: readonly string[];
  /** What GOAWAY says is the last stream that may have been looked at. */
  readonly last: number;
  readonly reset: number;
}

const cases: readonly Case[] = [
  {
    name: "gracefully: the newest stream is disowned, and refused",
    code: errorCodes.none,
    paths: ["/mocked", "/away"],
    last: 1,
    reset: errorCodes.refusedStream,
  },
  {
    name: "gracefully: the first stream of all is disowned",
    code: errorCodes.none,
    paths: ["/away"],
    last: 0,
    reset: errorCodes.refusedStream,
  },
  {
    name: "with another code: the stream is reset with it, and not disowned",
    code: errorCodes.enhanceYourCalm,
    paths: ["/mocked", "/away"],
    last: 3,
    reset: errorCodes.enhanceYourCalm,
  },
];

for (const { name, code, paths, last, reset } of cases)
  test(`fault goAway, ${name}`, async () => {
    await using rig = await openRig({
      rules: [
        {
          name: "away",
          matches: [{ path: { op: "exact", value: "/away" } }],
          fault: { ...noFault, abort: { kind: "goAway", code } },
        },
        { name: "mocked", respond: replyWith("hi") },
      ],
    });
    const client = new RawPeer(await rig.connect());
    client.send(hello, ...paths.map((path, at) => requestFrame(at * 2 + 1, path)));
    const away = paths.indexOf("/away") * 2 + 1;
    const goAway = await client.until(({ type }) => type === frameTypes.goAway);
    assert.deepEqual([goAway?.payload.readUInt32BE(0), goAway?.payload.readUInt32BE(4)], [last, code]);
    assert.equal(await client.resetCode(away), reset);
    for (const [at, path] of paths.entries())
      if (path === "/mocked")
        assert.ok(
          await client.until(({ type, stream }) => type === frameTypes.data && stream === at * 2 + 1),
        );
    await client.until(() => false);
    assert.equal(client.ended, "fin");
    client.socket.destroy();
  });

test("fault goAway: a stream with a later one behind it is refused, and not disowned", async () => {
  await using rig = await openRig({
    rules: [
      {
        name: "away",
        matches: [{ path: { op: "exact", value: "/away" } }],
        fault: {
          ...noFault,
          delay: { type: "fixed", ms: 20 },
          abort: { kind: "goAway", code: errorCodes.none },
        },
      },
      {
        name: "slow",
        matches: [{ path: { op: "exact", value: "/slow" } }],
        fault: { ...noFault, delay: { type: "fixed", ms: 60 } },
        respond: replyWith("late"),
      },
    ],
  });
  const client = new RawPeer(await rig.connect());
  client.send(hello, requestFrame(1, "/away"), requestFrame(3, "/slow"));
  const goAway = await client.until(({ type }) => type === frameTypes.goAway);
  assert.equal(goAway?.payload.readUInt32BE(0), 3);
  assert.equal(await client.resetCode(1), errorCodes.refusedStream);
  const late = await client.until(({ type, stream }) => type === frameTypes.data && stream === 3);
  assert.equal(String(late?.payload), "late");
  client.socket.destroy();
});
