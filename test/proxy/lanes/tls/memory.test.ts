// What the TLS lane and its upstream side remember: bounded, and forgotten in the right order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createDistrust, departureText, receptionOf } from "../../../../src/proxy/lanes/tls/distrust.ts";
import { createSessionCache } from "../../../../src/proxy/relay/session-cache.ts";

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
