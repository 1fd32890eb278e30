// What the TLS lane and its upstream side remember: bounded, and forgotten in the right order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createDistrust, departureText, receptionOf } from "../../../../src/proxy/lanes/tls/distrust.ts";
import { createLeafServers } from "../../../../src/proxy/lanes/tls/leaf-servers.ts";
import { createSessionCache } from "../../../../src/proxy/relay/session-cache.ts";
import { testAuthority } from "../../../support/https.ts";

test("distrust: an alert tells at once, a departure at the second time in a row", () => {
  const distrust = createDistrust(10);
  assert.equal(distrust.learn("a", "refused"), true);
  assert.equal(distrust.has("a"), true);
  assert.equal(distrust.learn("b", "left"), false);
  assert.equal(distrust.has("b"), false);
  distrust.learn("b", "accepted");
  assert.equal(distrust.learn("b", "left"), false);
  assert.equal(distrust.learn("b", "left"), true);
  assert.equal(distrust.learn("b", "left"), false, "it is told once");
});

test("distrust: remembers so many and no more, the newest", () => {
  const distrust = createDistrust(3);
  for (const key of ["a", "b", "c", "d"]) distrust.learn(key, "refused");
  assert.deepEqual(
    ["a", "b", "c", "d"].map((key) => distrust.has(key)),
    [false, true, true, true],
  );
});

test("distrust: alerts about the certificate are told from other ends, in words", () => {
  const alert = (code: string) => Object.assign(new Error("no"), { code });
  assert.equal(receptionOf(alert("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA")), "refused");
  assert.equal(receptionOf(alert("ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE")), "refused");
  assert.equal(receptionOf(alert("ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN")), "refused");
  assert.equal(receptionOf(alert("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION")), "left");
  assert.equal(receptionOf(alert("ECONNRESET")), "left");
  assert.equal(departureText(alert("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA")), "it sent the alert unknown ca");
  assert.equal(
    departureText(new Error("40E3:error:0A0000C1:SSL routines:tls_post:no shared cipher:../x.c:918:\n")),
    "no shared cipher",
  );
  assert.equal(departureText(new Error("socket hang up")), "socket hang up");
});

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

test("leaves: one per name and protocol, issued once, bounded, renewed in time, not kept where issuing failed", async () => {
  const authority = await testAuthority();
  const issued: string[] = [];
  let now = 0;
  const servers = createLeafServers({
    authority: {
      trust: "",
      async issue(name) {
        issued.push(name);
        if (name === "bad") throw new Error("no");
        return { ...(await authority.issue(name)), renewAtMs: now + 1_000 };
      },
    },
    clock: { wall: () => now },
    most: 3,
    handshakeMs: 1_000,
  });
  const [first, second] = await Promise.all([servers.for("a", "h2"), servers.for("a", "h2")]);
  assert.equal(first, second);
  await servers.for("a", null);
  assert.deepEqual(issued, ["a", "a"]);
  await assert.rejects(servers.for("bad", null));
  await assert.rejects(servers.for("bad", null));
  assert.equal(servers.size, 2);
  await servers.for("b", null);
  await servers.for("a", "h2");
  await servers.for("c", null);
  assert.equal(servers.size, 3);
  issued.length = 0;
  await servers.for("a", "h2");
  assert.deepEqual(issued, [], "it was used last");
  now = 1_000;
  await servers.for("a", "h2");
  assert.deepEqual(issued, ["a"]);
});
