// 100 Continue where a rule looks at bodies: once, and never amid another response.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuleSpec } from "../../../../src/core/rule.ts";
import { openRig, openServer, readUntil } from "../../../support/rig.ts";

const goOn = "HTTP/1.1 100 Continue\r\n\r\n";
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const expecting = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
const looking = (value: string): Partial<RuleSpec> => ({
  matches: [{ body: { op: "contains", value } }],
  patch: {
    request: { setHeaders: [["x-seen", "1"]], removeHeaders: [], json: null, body: null },
    response: null,
  },
});

for (const [what, value] of [
  ["claims the call", "data"],
  ["does not claim the call", "other"],
] as const)
  test(`continue: the client hears it once, where a rule looks at the body and ${what}`, async () => {
    await using upstream = await openServer((socket) => socket.once("data", () => socket.write(goOn + ok)));
    await using rig = await openRig({ upstream: upstream.address, rules: [looking(value)] });
    const client = await rig.connect();
    client.write(expecting);
    assert.equal(await readUntil(client, "\r\n\r\n"), goOn);
    client.write("data");
    assert.equal(await readUntil(client, "ok"), ok);
    client.destroy();
    assert.partialDeepStrictEqual(await rig.event(({ kind }) => kind === "call"), { status: 200, flags: [] });
  });

test("continue: a response that is due before comes whole first", async () => {
  await using upstream = await openServer((socket) => {
    socket.once("data", () => {
      socket.write(`${ok.slice(0, -1)}`);
      socket.once("data", () => socket.write(ok));
    });
    ending.push(() => socket.write("k"));
  });
  const ending: (() => void)[] = [];
  await using rig = await openRig({ upstream: upstream.address, rules: [looking("other")] });
  const client = await rig.connect();
  client.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n${expecting}`);
  const heard = readUntil(client, goOn);
  await readUntil(client, "\r\n\r\no");
  for (const end of ending) end();
  assert.equal(await heard, ok + goOn);
  client.write("data");
  assert.equal(await readUntil(client, "ok"), ok);
  client.destroy();
});
