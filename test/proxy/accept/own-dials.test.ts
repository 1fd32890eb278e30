// Connections of our own: known by both of their ends, from before they are open until they are closed.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { OwnDials } from "../../../src/proxy/accept/own-dials.ts";

for (const host of ["127.0.0.1", "::1", "localhost"]) {
  test(`own dials: one to ${host} is known when it is accepted, another's is not, and a closed one is forgotten`, async (t) => {
    const own = new OwnDials();
    t.after(() => own.close());
    const server = createServer({ allowHalfOpen: false }).listen(0, "::");
    t.after(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const seen = once(server, "connection").then(([accepted]: Socket[]) => {
      assert.ok(accepted);
      // At once, as a listener asks: perhaps before the one who dialled hears that it is connected.
      return { accepted, known: own.includes(clientOf(accepted), destinationOf(accepted)) };
    });
    const dialled = connect(port, host);
    const { accepted, known } = await seen;
    assert.equal(known, true);
    const client = clientOf(accepted);
    const destination = destinationOf(accepted);
    assert.equal(own.includes({ ...client, port: client.port + 1 }, destination), false);
    assert.equal(own.includes(client, { ...destination, port: 1 }), false);
    accepted.destroy();
    dialled.destroy();
    await once(dialled, "close");
    assert.equal(own.includes(client, destination), false);
  });
}

test("own dials: nothing is watched after close", async (t) => {
  const own = new OwnDials();
  own.close();
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const dialled = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  assert.equal(own.includes(clientOf(accepted), destinationOf(accepted)), false);
  accepted.destroy();
  dialled.destroy();
});

function clientOf(accepted: Socket) {
  return { host: accepted.remoteAddress ?? "", port: accepted.remotePort ?? 0 };
}

function destinationOf(accepted: Socket) {
  return { host: (accepted.localAddress ?? "").replace("::ffff:", ""), port: accepted.localPort ?? 0 };
}
