// ClientHellos of real clients and made ones, whole, split at every byte, and spread over records.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readClientHello } from "../../../../src/proxy/lanes/tls/client-hello.ts";
import { maxHelloBytes } from "../../../../src/proxy/lanes/tls/hello-message.ts";
import { helloOf } from "../../../support/first-hello.ts";

const usual = await helloOf({ servername: "Shop.Test", ALPNProtocols: ["h2", "http/1.1"] });
const asked = {
  serverName: "shop.test",
  protocols: ["h2", "http/1.1"],
};

test("client hello: server name and offers of a real client", async () => {
  assert.deepEqual(readClientHello(usual), asked);
  const older = await helloOf({ servername: "shop.test", maxVersion: "TLSv1.2" });
  assert.deepEqual(readClientHello(older), {
    serverName: "shop.test",
    protocols: [],
  });
  assert.deepEqual(readClientHello(await helloOf({})), {
    serverName: "",
    protocols: [],
  });
});

test("client hello: every beginning asks for more, and nothing else", () => {
  for (let length = 0; length < usual.length; length++)
    assert.equal(readClientHello(usual.subarray(0, length)), "need-more", `after ${length} bytes`);
  assert.deepEqual(readClientHello(Buffer.concat([usual, Buffer.from("more")])), asked);
});

test("client hello: split into two records at every byte", () => {
  const message = usual.subarray(5);
  for (let at = 1; at < message.length; at++) {
    const bytes = Buffer.concat([record(message.subarray(0, at)), record(message.subarray(at))]);
    assert.deepEqual(readClientHello(bytes), asked, `split at ${at}`);
    assert.equal(readClientHello(bytes.subarray(0, -1)), "need-more");
  }
});

test("client hello: a record for each byte", () => {
  const records = [...usual.subarray(5)].map((byte) => record(Buffer.of(byte)));
  assert.deepEqual(readClientHello(Buffer.concat(records)), asked);
});

test("client hello: one without extensions asks for nothing", () => {
  const body = Buffer.concat([
    Buffer.of(3, 3),
    Buffer.alloc(32),
    Buffer.of(0), // session id
    Buffer.of(0, 2, 0x13, 0x01), // cipher suites
    Buffer.of(1, 0), // compression methods
  ]);
  assert.deepEqual(readClientHello(record(message(body))), {
    serverName: "",
    protocols: [],
  });
});

test("client hello: what is none is told at once", () => {
  const cases: Readonly<Record<string, Buffer>> = {
    "an alert": Buffer.of(21, 3, 1, 0, 2, 2, 40),
    "another handshake message": record(Buffer.of(2, 0, 0, 1, 0)),
    "an empty record": Buffer.of(22, 3, 1, 0, 0),
    "something else in the second record": Buffer.concat([
      record(usual.subarray(5, 50)),
      Buffer.of(23, 3, 3, 0, 1, 0),
    ]),
    "a message of 16 MB": record(Buffer.of(1, 0xff, 0xff, 0xff)),
    "one larger than the limit": record(Buffer.from([1, ...uint24(maxHelloBytes)])),
    "a body that is cut": record(message(usual.subarray(9, 60))),
    "an extension past the end": record(
      message(Buffer.concat([usual.subarray(9, 43), Buffer.of(0, 0, 2, 1, 1, 1, 0, 0, 8, 0, 16, 0, 99)])),
    ),
  };
  for (const [what, bytes] of Object.entries(cases)) assert.equal(readClientHello(bytes), "not-hello", what);
});

test("client hello: the dot of the root is no part of a server name", async () => {
  const hello = readClientHello(await helloOf({ servername: "Shop.Test." }));
  assert.equal(typeof hello === "string" ? hello : hello.serverName, "shop.test");
});

test("client hello: a server name that is no host name is told from none", () => {
  const name = usual.indexOf("Shop.Test");
  const strange = Buffer.from(usual);
  strange[name + 4] = 0x0a;
  assert.deepEqual(readClientHello(strange), { ...asked, serverName: null });
});

test("client hello: chance changes never make it throw", () => {
  let seed = 1;
  for (let round = 0; round < 3_000; round++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    const changed = Buffer.from(usual);
    changed[seed % usual.length] = (seed >>> 16) & 0xff;
    readClientHello(changed);
  }
});

function record(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.of(22, 3, 1, payload.length >> 8, payload.length & 0xff), payload]);
}

function message(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([1, ...uint24(body.length)]), body]);
}

function uint24(value: number): readonly number[] {
  return [(value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff];
}
