// What hostile peers do, said anew for every place where their octets can be cut in two, and octet by octet: the outcome is the
// same. Without sockets, so that some ten thousand conversations take seconds.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../../src/core/rule.ts";
import {
  errorCodes,
  flags,
  frameTypes,
  preface,
  settingsFrame,
} from "../../../src/proxy/lanes/http2/frames.ts";
import * as client from "../../proxy/lanes/http2/hostile-client-cases.ts";
import { hello, requestFrame, responseFrame, serverHello } from "../../proxy/lanes/http2/raw-peer.ts";
import * as server from "./hostile-upstream-cases.ts";
import { everyCut, type MemorySession, memorySessions, type Written } from "./in-memory.ts";

/** Turns of the event loop after which what has not happened will not. */
const maxTurns = 100;

async function until(isThere: () => boolean, what: string): Promise<void> {
  for (let turn = 0; !isThere(); turn++) {
    assert.ok(turn < maxTurns, what);
    await new Promise(setImmediate);
  }
}

/** The first call has ended, and what was said for that has been written. */
async function callEnds(session: MemorySession, how: string): Promise<void> {
  await until(() => session.calls.length > 0, `no call has ended, ${how}`);
  await new Promise(setImmediate);
}

/** Codes of GOAWAY, and of RST_STREAM by stream. */
function endings({ frames }: Written): readonly string[] {
  return frames.flatMap(({ type, stream, payload }) => {
    if (type === frameTypes.goAway) return [`GOAWAY ${payload.readUInt32BE(4)}`];
    return type === frameTypes.reset ? [`RST ${stream} ${payload.readUInt32BE(0)}`] : [];
  });
}

/** Streams whose last frame has been written. */
const ended = ({ frames }: Written) =>
  frames
    .filter(({ type, flags: bits }) => type <= frameTypes.headers && (bits & flags.endStream) !== 0)
    .map(({ stream }) => stream);

/** What of requests got to the upstream. Credit is given back read by read, and SETTINGS depend on who waits for whom. */
const passed = ({ toUpstream }: MemorySession): readonly string[] =>
  toUpstream
    .flatMap(({ frames }) => frames)
    .filter(({ type }) => type !== frameTypes.windowUpdate && type !== frameTypes.settings)
    .map(({ type, flags: bits, stream, payload }) => `${type} ${bits} ${stream} ${payload.toString("hex")}`);

const fromClients = memorySessions([client.mock, client.silent]);

for (const [what, bytes, code] of client.connectionErrors)
  test(`every cut: client, ${what}`, () => {
    let whole: unknown;
    for (const [how, pieces] of everyCut(bytes)) {
      const session = fromClients();
      for (const piece of pieces) session.fromClient(piece);
      assert.deepEqual(endings(session.toClient).at(-1), `GOAWAY ${code}`, how);
      assert.equal(session.toClient.frames.at(-1)?.type, frameTypes.goAway, how);
      const got = bytes.length > 2_000 ? [] : passed(session);
      whole ??= got;
      assert.deepEqual(got, whole, how);
    }
  });

for (const [what, bytes, code] of client.malformed)
  test(`every cut: client, ${what}`, () => {
    const all = Buffer.concat([hello, bytes, requestFrame(3, "/m"), requestFrame(5, "/relayed")]);
    let whole: unknown;
    for (const [how, pieces] of everyCut(all)) {
      const session = fromClients();
      for (const piece of pieces) session.fromClient(piece);
      assert.deepEqual(endings(session.toClient), [`RST 1 ${code}`], how);
      assert.ok(ended(session.toClient).includes(3), how);
      assert.ok(session.toUpstream[0] && ended(session.toUpstream[0]).includes(5), how);
      const got = passed(session);
      whole ??= got;
      assert.deepEqual(got, whole, how);
    }
  });

for (const [what, bytes] of client.taken)
  test(`every cut: client, ${what} is taken`, () => {
    const all = Buffer.concat([hello, bytes, requestFrame(3, "/m"), requestFrame(5, "/relayed")]);
    for (const [how, pieces] of everyCut(all)) {
      const session = fromClients();
      for (const piece of pieces) session.fromClient(piece);
      assert.deepEqual(
        endings(session.toClient).filter((said) => !said.startsWith("RST 1 ")),
        [],
        how,
      );
      assert.ok(ended(session.toClient).includes(3), how);
      assert.ok(session.toUpstream[0] && ended(session.toUpstream[0]).includes(5), how);
    }
  });

/** Goes the rich road without a timer. */
const rich: Partial<RuleSpec> = { ...server.held, fault: null, patch: { request: null, response: null } };
const behindServers = memorySessions([rich]);

/** A session whose upstream has been asked on stream 1, by a client that wants no push. */
async function asked(path: string): Promise<MemorySession> {
  const session = behindServers();
  session.fromClient(Buffer.concat([preface, settingsFrame([[2, 0]]), requestFrame(1, path)]));
  const isAsked = () => session.toUpstream.some(({ frames }) => frames.some(({ type }) => type === 1));
  await until(isAsked, "the upstream has not been asked");
  return session;
}

for (const [road, path] of server.roads) {
  for (const [what, code, bytes] of server.connectionErrors) {
    if (road === "rich" && what.startsWith("§6.9.1 more DATA")) continue; // the window opens while the reply is read
    test(`every cut: upstream, ${road} link, ${what}`, async () => {
      for (const [how, pieces] of everyCut(bytes)) {
        const session = await asked(path);
        const [upstream] = session.toUpstream;
        for (const piece of pieces) session.fromUpstream(piece);
        await callEnds(session, how);
        assert.deepEqual(upstream && endings(upstream).at(-1), `GOAWAY ${code}`, how);
        assert.deepEqual(session.calls[0]?.flags, ["UPE"], how);
        if (road === "pinned")
          assert.equal(endings(session.toClient).at(-1), `GOAWAY ${errorCodes.internal}`, how);
      }
    });
  }
  for (const [what, bytes] of [...server.malformed, ...server.malformedLater])
    test(`every cut: upstream, ${road} link, ${what}`, async () => {
      const all = Buffer.concat([serverHello, bytes]);
      for (const [how, pieces] of everyCut(all)) {
        const session = await asked(path);
        const [upstream] = session.toUpstream;
        for (const piece of pieces) session.fromUpstream(piece);
        await callEnds(session, how);
        assert.ok(upstream && endings(upstream).includes(`RST 1 ${errorCodes.protocol}`), how);
        assert.deepEqual(session.calls[0]?.flags, ["UPE"], how);
        assert.ok(!endings(session.toClient).some((said) => said.startsWith("GOAWAY")), how);
      }
    });
  for (const [what, bytes] of server.taken)
    test(`every cut: upstream, ${road} link, ${what} is taken`, async () => {
      const all = Buffer.concat([serverHello, bytes, responseFrame(1, 204, 0x5)]);
      for (const [how, pieces] of everyCut(all)) {
        const session = await asked(path);
        for (const piece of pieces) session.fromUpstream(piece);
        await callEnds(session, how);
        assert.equal(session.calls[0]?.status, 204, how);
        assert.deepEqual(session.calls[0]?.flags, [], how);
      }
    });
}
