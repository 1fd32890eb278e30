// A call that is delayed and then to be aborted, whose rule ends while it waits: it goes on as if there had been no rule.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import type { RuleSpec } from "../../../src/core/rule.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { openRig, openServer, type Rig, readUntil } from "../../support/rig.ts";
import { noFault } from "../../support/rule-spec.ts";

const hourMs = 3_600_000;
const size = 300_000;
const upload = Buffer.alloc(size, "B");

function late(abort: NonNullable<RuleSpec["fault"]>["abort"]): Partial<RuleSpec> {
  return { name: "late", fault: { ...noFault, delay: { type: "fixed", ms: hourMs }, abort } };
}

const aborts = [
  ["a status", { kind: "httpStatus", status: 503 }],
  ["a reset", { kind: "reset" }],
] as const;

/** Whoever has connected before this has its calls claimed. */
async function allClaimed(rig: Rig): Promise<void> {
  const behind = await rig.connect();
  behind.write("GET /behind HTTP/1.1\r\nHost: x\r\n\r\n");
  await readUntil(behind, "ok");
  behind.destroy();
}

const posts = [{ method: { op: "exact", value: "POST" } as const }];

for (const [what, abort] of aborts) {
  test(`spared calls: over HTTP/1, with its body, from ${what}`, async () => {
    await using upstream = await openServer((socket) => {
      let bytes = 0;
      socket.on("data", (chunk) => {
        bytes += chunk.length;
        if (chunk.includes("GET /behind")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        else if (bytes > size) socket.write("HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nreal");
      });
    });
    await using rig = await openRig({
      upstream: upstream.address,
      rules: [{ ...late(abort), matches: posts }],
    });
    const client = await rig.connect();
    client.write(`POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`);
    client.write(upload);
    await allClaimed(rig);
    rig.setRules([]);
    assert.match(await readUntil(client, "real"), /^HTTP\/1\.1 201 Created/);
    const told = await rig.event((event) => event.kind === "call" && event.path === "/late");
    assert.partialDeepStrictEqual(told, { outcome: "relayed", status: 201, rule: "late", flags: ["DI"] });
    client.destroy();
  });

  test(`spared calls: over HTTP/2, with its body, from ${what}`, async () => {
    const upstream = createServer();
    upstream.on("stream", (stream: ServerHttp2Stream) => {
      void buffer(stream).then((got) => {
        stream.respond({ ":status": 201 });
        stream.end(`real ${got.length}`);
      });
    });
    upstream.listen(0, "127.0.0.1");
    await once(upstream, "listening");
    const { port } = upstream.address() as AddressInfo;
    await using rig = await openRig({
      upstream: { host: "127.0.0.1", port },
      rules: [{ ...late(abort), matches: posts }],
    });
    const session = connect(`http://127.0.0.1:${rig.address.port}`);
    await once(session, "connect");
    const stream = session.request({ ":method": "POST", ":path": "/late" });
    stream.end(upload);
    await new Promise<void>((resolve) => session.ping(() => resolve()));
    rig.setRules([]);
    const [headers] = await once(stream, "response");
    assert.equal(headers[":status"], 201);
    assert.equal((await buffer(stream)).toString(), `real ${size}`);
    const told = await rig.event((event) => event.kind === "call");
    assert.partialDeepStrictEqual(told, { outcome: "relayed", status: 201, rule: "late", flags: ["DI"] });
    session.close();
    upstream.close();
  });
}

test("spared calls: a connection that is not parsed", async () => {
  await using upstream = await openServer((socket) => {
    socket.on("data", (chunk) => socket.write(`real ${chunk}`));
    socket.on("end", () => socket.end());
  });
  const { port } = upstream.address;
  const clock = manualClock();
  await using rig = await openRig({
    clock,
    upstream: upstream.address,
    portHints: new Map([[port, "opaque"]]),
    rules: [late({ kind: "reset" })],
  });
  const client = await rig.connect();
  client.write("word");
  await rig.event(({ kind }) => kind === "connection-opened");
  await clock.advance(0);
  rig.setRules([]);
  await clock.advance(1_000);
  assert.equal(await readUntil(client, "word"), "real word");
  client.end();
  const told = await rig.event(({ kind }) => kind === "opaque");
  assert.partialDeepStrictEqual(told, { outcome: "relayed", rule: "late", flags: ["DI"], upBytes: 4 });
});
