// Whoever keeps connections to the admin port open, a probe and a word that stops faults get through.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { Places } from "../../../src/control/admin/places.ts";
import { startAdmin } from "../../../src/control/admin/server.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { quietAdmin } from "../../support/admin-sources.ts";

/** Sockets that nobody is at the other end of, by name. */
function seated(limit: number, ...names: readonly string[]) {
  const places = new Places(limit);
  const sockets = new Map(names.map((name) => [name, new net.Socket()]));
  const of = (name: string) => sockets.get(name) ?? assert.fail(name);
  const left = () => names.filter((name) => !of(name).destroyed).join("");
  return { places, of, left, take: (name: string) => places.take(of(name)) };
}

test("places: a further connection takes the place of the one that was idle for longest", () => {
  const { places, of, left, take } = seated(2, ..."abcd");
  for (const name of "ab") take(name);
  places.work(of("a"))(); // and so b was idle for longer
  take("c");
  assert.equal(left(), "acd");
  take("d");
  assert.equal(left(), "cd");
  places.clear();
  assert.equal(left(), "");
});

test("places: one at work is spared while another is idle, and of those at work the oldest goes", () => {
  const { places, of, left, take } = seated(2, ..."abcd");
  take("a");
  const done = [places.work(of("a")), places.work(of("a"))];
  done[0]?.(); // pipelined: the second goes on
  take("b");
  take("c");
  assert.equal(left(), "acd");
  places.work(of("c"));
  take("d");
  assert.equal(left(), "cd");
  done[1]?.();
  assert.equal(left(), "cd");
});

async function crowded(context: TestContext, greeting: string) {
  const admin = await startAdmin(
    {
      ...quietAdmin,
      listen: { host: "127.0.0.1", port: 0 },
      metrics: () => new Promise(() => undefined),
      journal: () => [],
      rules: () => ({ revision: null, count: 0, problems: [] }),
      ready: () => ({ ready: true, reasons: [] }),
      clock: systemClock,
    },
    new AbortController().signal,
  );
  context.after(() => admin.close());
  const { port } = admin.address;
  for (let count = 0; count < 100; count++) {
    const socket = net.connect(port, "127.0.0.1");
    context.after(() => socket.destroy());
    socket.on("error", () => undefined).resume();
    await once(socket, "connect");
    socket.write(greeting);
  }
  return port;
}

for (const [who, greeting] of [
  ["say nothing", ""],
  ["never finish their request", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"],
  ["keep their connection", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ["wait for an answer", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"],
] as const)
  test(`admin: a hundred clients that ${who} keep no probe out`, async (context) => {
    const port = await crowded(context, greeting);
    const answer = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(5_000) });
    assert.equal(answer.status, 200);
    await answer.text();
  });
