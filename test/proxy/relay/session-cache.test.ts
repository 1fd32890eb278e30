// Sessions of TLS to upstreams: bounded, and forgotten in the right order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createSessionCache } from "../../../src/proxy/relay/session-cache.ts";

test("sessions: the least recently used goes first", () => {
  const sessions = createSessionCache(2);
  sessions.set("a", Buffer.from("1"));
  sessions.set("b", Buffer.from("2"));
  sessions.get("a");
  sessions.set("c", Buffer.from("3"));
  assert.deepEqual(
    ["a", "b", "c"].map((key) => sessions.get(key)?.toString()),
    ["1", undefined, "3"],
  );
  sessions.delete("a");
  assert.equal(sessions.get("a"), undefined);
});
