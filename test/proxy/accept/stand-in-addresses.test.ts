// Addresses that stand for names: one each, understood again, and never given to another name while somebody may still hold them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createStandInAddresses } from "../../../src/proxy/accept/stand-in-addresses.ts";

const text = (address: Uint8Array) => address.join(".");

test("stand-in addresses: a name keeps its own, and a connection there is one to the name", () => {
  const addresses = createStandInAddresses();
  const first = text(addresses.addressOf("payments.internal", "nobody knows it"));
  assert.equal(first, "198.19.0.1");
  assert.equal(text(addresses.addressOf("stock.internal", "silence")), "198.19.0.2");
  assert.equal(text(addresses.addressOf("payments.internal", "silence")), first);
  assert.deepEqual(addresses.destinationOf({ host: first, port: 443 }), {
    host: "payments.internal",
    port: 443,
    nowhere: "payments.internal has no address (silence)",
  });
  assert.equal(addresses.size, 2);
});

test("stand-in addresses: what was not given out stays as it is", () => {
  const addresses = createStandInAddresses();
  addresses.addressOf("payments.internal", "");
  for (const host of ["198.19.0.2", "198.19.0.0", "198.18.0.1", "10.0.0.1", "::1", "198.190.0.1"]) {
    const dialled = { host, port: 80 };
    assert.equal(addresses.destinationOf(dialled), dialled);
  }
});

test("stand-in addresses: they go on behind 255", () => {
  const addresses = createStandInAddresses();
  for (let i = 0; i < 254; i++) addresses.addressOf(`n${i}.internal`, "");
  const places = ["a.internal", "b.internal"].map((name) => text(addresses.addressOf(name, "")));
  assert.deepEqual(places, ["198.19.0.255", "198.19.1.0"]);
  assert.equal(addresses.destinationOf({ host: "198.19.1.0", port: 1 }).host, "b.internal");
});

test("stand-in addresses: the least recently used name is forgotten, and its address leads nowhere", () => {
  const addresses = createStandInAddresses(100, 2);
  const [a = "", b = ""] = ["a", "b"].map((name) => text(addresses.addressOf(name, "")));
  addresses.destinationOf({ host: a, port: 1 }); // a connection is a use, too
  addresses.addressOf("c", "");
  assert.equal(addresses.size, 2);
  assert.equal(addresses.destinationOf({ host: a, port: 1 }).host, "a");
  assert.deepEqual(addresses.destinationOf({ host: b, port: 1 }), {
    host: b,
    port: 1,
    nowhere: `${b} stood for a name that is forgotten by now`,
  });
  assert.notEqual(text(addresses.addressOf("b", "")), b);
});

test("stand-in addresses: one goes to another name only after all others, and never while its own is known", () => {
  const addresses = createStandInAddresses(5, 2);
  const given = Array.from({ length: 12 }, (_, i) => {
    addresses.addressOf("kept", "");
    return text(addresses.addressOf(`n${i}`, ""));
  });
  const [kept] = [text(addresses.addressOf("kept", ""))];
  assert.ok(!given.includes(kept));
  assert.deepEqual(given.slice(0, 4), ["198.19.0.2", "198.19.0.3", "198.19.0.4", "198.19.0.5"]);
  assert.deepEqual(given.slice(4, 8), given.slice(0, 4));
  assert.equal(addresses.size, 2);
});
