// Questions to the helper for connections inside, and its answers.

import assert from "node:assert/strict";
import { Socket } from "node:net";
import { describe, test } from "node:test";
import { createInsideConnections } from "../../../../src/proxy/accept/namespace/inside-connections.ts";
import { fromHelper, type ToHelper, toHelper } from "../../../../src/proxy/accept/namespace/messages.ts";

const { signal } = new AbortController();

function scene(maxPending?: number) {
  const sent: ToHelper[] = [];
  const inside = createInsideConnections(new Set(["192.0.2.2"]), (message) => sent.push(message), maxPending);
  return { sent, inside };
}

describe("connections inside", () => {
  test("a socket that comes back may be half closed", async () => {
    const { sent, inside } = scene();
    const asked = inside.connect({ host: "127.0.0.1", port: 80 }, signal);
    assert.deepEqual(sent, [{ kind: "connect", id: 1, host: "127.0.0.1", port: 80 }]);
    const socket = new Socket();
    inside.answered({ kind: "connected", id: 1 }, socket);
    assert.equal(await asked, socket);
    assert.equal(socket.allowHalfOpen, true);
  });

  test("a refusal is null, and so is a socket that was lost on the way", async () => {
    const { inside } = scene();
    const asked = [1, 2].map((port) => inside.connect({ host: "192.0.2.2", port }, signal));
    inside.answered({ kind: "refused", id: 1, reason: "ECONNREFUSED" }, undefined);
    inside.answered({ kind: "connected", id: 2 }, undefined);
    assert.deepEqual(await Promise.all(asked), [null, null]);
  });

  test("what is not inside is not asked for", async () => {
    const { sent, inside } = scene();
    assert.equal(await inside.connect({ host: "198.51.100.1", port: 80 }, signal), null);
    assert.equal(sent.length, 0);
  });

  test("who no longer waits is rejected, and a late socket is destroyed", async () => {
    const { inside } = scene();
    const stop = new AbortController();
    const asked = inside.connect({ host: "::1", port: 80 }, stop.signal);
    const reason = new Error("too late");
    stop.abort(reason);
    await assert.rejects(asked, reason);
    const socket = new Socket();
    inside.answered({ kind: "connected", id: 1 }, socket);
    assert.equal(socket.destroyed, true);
    await assert.rejects(inside.connect({ host: "::1", port: 80 }, stop.signal), reason);
  });

  test("questions are bounded, and all end when the helper is gone", async () => {
    const { sent, inside } = scene(2);
    const asked = [1, 2, 3].map((port) => inside.connect({ host: "127.0.0.1", port }, signal));
    assert.equal(await asked[2], null);
    assert.equal(sent.length, 2);
    inside.close();
    assert.deepEqual(await Promise.all(asked), [null, null, null]);
    assert.equal(await inside.connect({ host: "127.0.0.1", port: 1 }, signal), null);
  });
});

describe("messages of the channel", () => {
  test("a stray message is none", () => {
    for (const stray of [null, 1, "ready", {}, { kind: 1 }, { kind: "unheard" }]) {
      assert.equal(fromHelper(stray), undefined);
      assert.equal(toHelper(stray), undefined);
    }
    assert.deepEqual(fromHelper({ kind: "dns" }), { kind: "dns" });
    assert.equal(toHelper({ kind: "signal", signal: "SIGINT" })?.kind, "signal");
  });
});
