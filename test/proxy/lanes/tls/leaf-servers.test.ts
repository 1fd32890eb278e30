// Leaves at work: issued once, kept within bounds, and handshakes that end one way or another.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { connect } from "node:tls";
import { systemClock } from "../../../../src/core/clock.ts";
import { createLeafServers } from "../../../../src/proxy/lanes/tls/leaf-servers.ts";
import { testAuthority } from "../../../support/https.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { connectTo, openServer } from "../../../support/rig.ts";

test("leaves: one per name, issued once, bounded, renewed in time, not kept where issuing failed", async () => {
  const authority = await testAuthority();
  const issued: string[] = [];
  let now = 0;
  const servers = createLeafServers({
    authority: {
      trust: "",
      scheme: 0,
      async issue(name) {
        issued.push(name);
        if (name === "bad") throw new Error("no");
        return { ...(await authority.issue(name)), renewAtMs: now + 1_000 };
      },
    },
    clock: { ...systemClock, wall: () => now },
    most: 3,
    handshakeMs: 1_000,
    inletOf: () => null,
  });
  const [first, second] = await Promise.all([servers.for("a", "ec"), servers.for("a", "ec")]);
  assert.equal(first, second);
  await servers.for("d", "ec");
  assert.deepEqual(issued, ["a", "d"]);
  await assert.rejects(servers.for("bad", "ec"));
  await assert.rejects(servers.for("bad", "ec"));
  assert.equal(servers.size, 2);
  await servers.for("b", "ec");
  await servers.for("a", "ec");
  await servers.for("c", "ec");
  assert.equal(servers.size, 3);
  issued.length = 0;
  await servers.for("a", "ec");
  assert.deepEqual(issued, [], "it was used last");
  now = 1_000;
  await servers.for("a", "ec");
  assert.deepEqual(issued, ["a"]);
});

/** The two ends of one connection of which the leaf for `shop.test` gets the server's. */
async function handshake() {
  const authority = await testAuthority();
  const clock = manualClock(systemClock.wall());
  const servers = createLeafServers({ authority, clock, most: 1, handshakeMs: 5_000, inletOf: () => null });
  const accepted = Promise.withResolvers<Socket>();
  const listener = await openServer(accepted.resolve);
  const raw = await connectTo(listener.address);
  const server = await servers.for("shop.test", "ec");
  return { authority, clock, listener, raw, server, socket: await accepted.promise };
}

test("leaves: a handshake agrees on the protocol that is asked for, and half-closes as TCP does", async () => {
  const { authority, listener, raw, server, socket } = await handshake();
  await using _ = listener;
  const client = connect({
    socket: raw,
    servername: "shop.test",
    ca: authority.trust,
    ALPNProtocols: ["http/1.1", "h2"],
  });
  const [{ socket: secured }] = await Promise.all([
    server.accept(socket, "h2", ignore),
    once(client, "secureConnect"),
  ]);
  assert.deepEqual([client.alpnProtocol, secured.alpnProtocol], ["h2", "h2"]);
  assert.equal(secured.allowHalfOpen, true);
  secured.on("error", () => undefined);
  client.destroy();
});

test("leaves: a client that stands still in the middle of the handshake is given up in time", async () => {
  const { clock, listener, raw, server, socket } = await handshake();
  await using _ = listener;
  const refused = assert.rejects(server.accept(socket, null, ignore), /no TLS handshake within 5000 ms/);
  await clock.advance(4_999);
  assert.equal(socket.destroyed, false);
  await clock.advance(1);
  await refused;
  assert.equal(socket.destroyed, true);
  raw.destroy();
});

test("leaves: a client that leaves in the middle of the handshake, or talks no TLS, is a rejection", async () => {
  const { clock, listener, raw, server, socket } = await handshake();
  await using _ = listener;
  raw.end();
  await assert.rejects(server.accept(socket, null, ignore), /left during the TLS handshake/);
  assert.equal(clock.pending(), 0);
  raw.destroy();
  const other = await handshake();
  await using __ = other.listener;
  other.raw.write("GET / HTTP/1.1\r\n\r\n");
  await assert.rejects(other.server.accept(other.socket, null, ignore), { code: "ERR_SSL_HTTP_REQUEST" });
  other.raw.destroy();
});

function ignore(): void {}
