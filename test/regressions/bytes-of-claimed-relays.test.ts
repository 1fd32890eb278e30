// The bytes of a reply that a rule delayed, sliced or patched on its way were counted twice: as the upstream sent them, and as
// the client got them.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { openRig, openServer } from "../support/rig.ts";
import { noFault } from "../support/rule-spec.ts";

const reply =
  "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world";

for (const [name, fault] of [
  ["no rule", null],
  ["a delay", { ...noFault, delay: { type: "fixed", ms: 1 } }],
  ["a slice", { ...noFault, slice: { bytes: 5, delayMs: 1 } }],
] as const) {
  test(`bytes: with ${name} each byte that the client gets is counted once`, async () => {
    await using upstream = await openServer((socket) => {
      socket.once("data", () => socket.end(reply));
    });
    const rules = fault === null ? [] : [{ name: "disturbed", fault }];
    await using rig = await openRig({ upstream: upstream.address, rules });
    const client = await rig.connect();
    let bytes = 0;
    client.on("data", (chunk) => {
      bytes += chunk.length;
    });
    client.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    await once(client, "end");
    client.destroy();
    const call = await rig.event(({ kind }) => kind === "call");
    assert.ok(call.kind === "call" && bytes >= reply.length);
    assert.equal(call.responseBytes, bytes);
  });
}
