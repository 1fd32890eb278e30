// Fingerprints of hellos: equal for one program, whatever it asks for, and others for others.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect } from "node:tls";
import { clientKind } from "../../../../src/proxy/lanes/tls/client-kind.ts";
import { helloOf } from "../../../support/first-hello.ts";
import { openSecureOrigin, testAuthority } from "../../../support/https.ts";

test("client kind: the same for one program, whichever server it asks for, with a session or without", async () => {
  const authority = await testAuthority();
  await using origin = await openSecureOrigin(authority, "shop.test", () => undefined);
  const first = connect({
    host: "127.0.0.1",
    port: origin.port,
    servername: "shop.test",
    ca: authority.trust,
  });
  const [session] = await once(first, "session");
  first.destroy();
  const kinds = await Promise.all(
    [{}, { servername: "shop.test" }, { servername: "other.test" }, { servername: "shop.test", session }].map(
      async (options) => clientKind(await helloOf(options)),
    ),
  );
  assert.match(kinds[0] ?? "", /^[\w+/]{16}$/);
  assert.equal(new Set(kinds).size, 1);
});

test("client kind: another for other versions, suites or protocols", async () => {
  const kinds = await Promise.all(
    [
      {},
      { maxVersion: "TLSv1.2" as const },
      { ciphers: "TLS_AES_128_GCM_SHA256" },
      { ALPNProtocols: ["h2"] },
    ].map(async (options) => clientKind(await helloOf(options))),
  );
  assert.equal(new Set(kinds).size, 4);
});

/** A hello of these suites and extensions, each with no body. */
function made(suites: readonly number[], types: readonly number[]): Buffer {
  const words = (values: readonly number[]) =>
    Buffer.concat(values.map((value) => Buffer.of(value >> 8, value & 255)));
  const extensions = Buffer.concat(types.map((type) => Buffer.concat([words([type]), Buffer.of(0, 0)])));
  const body = Buffer.concat([
    Buffer.of(3, 3),
    Buffer.alloc(32),
    Buffer.of(0),
    words([suites.length * 2, ...suites]),
    Buffer.of(1, 0),
    words([extensions.length]),
    extensions,
  ]);
  const message = Buffer.concat([Buffer.of(1, 0), words([body.length]), body]);
  return Buffer.concat([Buffer.of(22, 3, 1), words([message.length]), message]);
}

test("client kind: neither the order of extensions nor what browsers draw anew makes another", () => {
  const one = clientKind(made([0x1301, 0x1302], [10, 13, 43]));
  assert.equal(clientKind(made([0x1301, 0x1302], [43, 10, 13])), one);
  assert.equal(clientKind(made([0x2a2a, 0x1301, 0x1302], [0xfafa, 10, 13, 43, 0x0a0a])), one);
  assert.notEqual(clientKind(made([0x1302, 0x1301], [10, 13, 43])), one);
  assert.notEqual(clientKind(made([0x1301, 0x1302], [10, 13])), one);
  assert.equal(clientKind(Buffer.from("no hello")), "");
});
