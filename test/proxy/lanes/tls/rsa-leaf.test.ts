// Clients that do not take EC certificates: shown an RSA leaf where they take one, and relayed unread where they take neither,
// from their first connection on.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import type { Authority, LeafKey } from "../../../../src/core/certificates.ts";
import { aroundTests } from "../../../support/around-tests.ts";
import { helloOf } from "../../../support/first-hello.ts";
import { openSecureOrigin, type SecureOrigin, testAuthority } from "../../../support/https.ts";
import { connectTo, openRig, openServer, type Rig, readUntil } from "../../../support/rig.ts";
import { replyWith } from "../../../support/rule-spec.ts";
import { hasTool } from "../../../support/understudy-process.ts";

let ours: Authority;
let theirs: Authority;
let origin: SecureOrigin;
const issued: (LeafKey | undefined)[] = [];

aroundTests(
  async () => {
    [ours, theirs] = await Promise.all([testAuthority("ours"), testAuthority("theirs")]);
    const [ec, rsa] = await Promise.all([theirs.issue("shop.test"), theirs.issue("shop.test", "rsa")]);
    origin = await openSecureOrigin(theirs, "shop.test", (_, response) => response.end("real"), {
      cert: [ec.chain, rsa.chain],
      key: [ec.key, rsa.key],
      minVersion: "TLSv1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
  },
  () => origin[Symbol.asyncDispose](),
);

function openShop(port = origin.port): Promise<Rig> {
  issued.length = 0;
  const authority: Authority = {
    trust: ours.trust,
    scheme: ours.scheme,
    issue: (name, key) => {
      issued.push(key);
      return ours.issue(name, key);
    },
  };
  return openRig({
    upstream: { host: "127.0.0.1", port },
    rules: [
      {
        name: "pay",
        matches: [{ host: { op: "exact", value: "shop.test" } }],
        respond: replyWith("mocked"),
      },
    ],
    tls: { authority, extraRoots: [theirs.trust] },
  });
}

async function dial(through: Rig, options: ConnectionOptions): Promise<TLSSocket> {
  const ca = [ours.trust, theirs.trust];
  const socket = connect({ ...through.address, servername: "shop.test", ca, ...options });
  await once(socket, "secureConnect");
  socket.on("error", () => undefined);
  return socket;
}

async function pay(socket: TLSSocket): Promise<string> {
  socket.write("GET /pay HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
  const answer = await readUntil(socket, /\r\n\r\n[\s\S]*(?:mocked|real)/);
  socket.destroy();
  return /mocked|real/.exec(answer)?.[0] ?? answer;
}

const toldOf = ({ events }: Rig) =>
  events.flatMap((event) => (event.kind === "trouble" ? [event.message] : []));

test("rsa leaf: shown to clients that take RSA alone, in both versions of TLS, and resumed", async () => {
  await using through = await openShop();
  const clients: readonly ConnectionOptions[] = [
    { sigalgs: "RSA-PSS+SHA256:RSA-PSS+SHA384" },
    { sigalgs: "RSA+SHA256", maxVersion: "TLSv1.2" },
    { ciphers: "ECDHE-RSA-AES128-GCM-SHA256", maxVersion: "TLSv1.2" },
    { ciphers: "AES128-SHA", maxVersion: "TLSv1.2" },
    { ecdhCurve: "X25519", maxVersion: "TLSv1.2" },
  ];
  for (const options of clients) {
    const socket = await dial(through, options);
    assert.equal(
      socket.getPeerX509Certificate()?.publicKey.asymmetricKeyType,
      "rsa",
      JSON.stringify(options),
    );
    const session = once(socket, "session");
    if (options.maxVersion) session.catch(() => undefined); // it came with the handshake
    const kept = options.maxVersion ? socket.getSession() : null;
    assert.equal(await pay(socket), "mocked");
    const again = await dial(through, { ...options, session: kept ?? (await session)[0] });
    assert.equal(again.isSessionReused(), true, JSON.stringify(options));
    assert.equal(await pay(again), "mocked");
  }
  assert.deepEqual(issued, ["ec", "rsa"], "once for all of them");
  assert.deepEqual(toldOf(through), []);
});

test("rsa leaf: none is made for clients that take ECDSA, whatever else they take", async () => {
  await using through = await openShop();
  for (const options of [{}, { maxVersion: "TLSv1.2" as const }, { sigalgs: "ECDSA+SHA256" }]) {
    const socket = await dial(through, options);
    assert.equal(socket.getPeerX509Certificate()?.publicKey.asymmetricKeyType, "ec");
    assert.equal(await pay(socket), "mocked");
  }
  assert.deepEqual(issued, ["ec"]);
});

test("rsa leaf: a client that takes no leaf of ours is relayed unread at once, and told of once", async () => {
  await using through = await openShop();
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  for (let round = 0; round < 2; round++) assert.equal(await pay(await dial(through, old)), "real");
  assert.deepEqual(toldOf(through), [
    "a client at 127.0.0.1 has too little of TLS in common with us for shop.test to be opened (it speaks no version of " +
      "TLS from 1.2 on): that host is relayed unread for it",
  ]);
  // The same program, as far as its suites and extensions tell.
  const picky = connect({
    ...through.address,
    servername: "shop.test",
    ca: theirs.trust,
    sigalgs: "ed25519",
  });
  const [refused] = await once(picky, "error");
  assert.match(refused.code, /HANDSHAKE_FAILURE/, "what the upstream itself says of it");
  assert.match(toldOf(through)[1] ?? "", /it takes no signature that we could make, of ECDSA or RSA/);
  assert.equal(await pay(await dial(through, {})), "mocked");
});

test("rsa leaf: a client that verifies no signature of our authority, as Java says it, is relayed unread at once", async () => {
  for (const [schemes, isRelayed] of [
    [[0x0804, 0x0401], true],
    [[0x0804, 0x0403], false],
  ] as const) {
    const got = Promise.withResolvers<Buffer>();
    await using upstream = await openServer((socket) => void socket.once("data", got.resolve));
    await using through = await openShop(upstream.address.port);
    const hello = withCertificateSchemes(await helloOf({ servername: "shop.test" }), schemes);
    const socket = await connectTo(through.address);
    socket.write(hello);
    if (isRelayed) {
      assert.deepEqual(await got.promise, hello);
      assert.match(
        toldOf(through).join(),
        /it takes no certificate signed as our authority signs, see docs\/tls\.md\)/,
      );
    } else {
      const [answer] = await once(socket, "data");
      assert.deepEqual([answer[0], answer[5]], [22, 2], "a handshake record with a ServerHello of ours");
    }
    socket.destroy();
  }
});

/** With the extension signature_algorithms_cert (RFC 8446 §4.2.3) behind the others. */
function withCertificateSchemes(hello: Buffer, schemes: readonly number[]): Buffer {
  const list = Buffer.concat(schemes.map((scheme) => Buffer.of(scheme >> 8, scheme & 0xff)));
  const extension = Buffer.concat([Buffer.of(0, 50, 0, list.length + 2, 0, list.length), list]);
  const longer = Buffer.concat([hello, extension]);
  let extensions = 43;
  extensions += 1 + longer.readUInt8(extensions);
  extensions += 2 + longer.readUInt16BE(extensions);
  extensions += 1 + longer.readUInt8(extensions);
  for (const at of [3, 7, extensions]) longer.writeUInt16BE(longer.readUInt16BE(at) + extension.length, at);
  return longer;
}

test("rsa leaf: curl with ciphers of RSA alone", {
  skip: hasTool("curl") ? false : "needs curl (scripts/components.sh)",
}, async () => {
  await using through = await openShop();
  const folder = mkdtempSync(join(tmpdir(), "understudy-rsa-"));
  const file = join(folder, "ca.pem");
  writeFileSync(file, ours.trust);
  const { port } = through.address;
  const flags = ["-sS", "--max-time", "10", "--cacert", file, "--resolve", `shop.test:${port}:127.0.0.1`];
  const old = ["--tls-max", "1.2", "--ciphers", "ECDHE-RSA-AES128-GCM-SHA256"];
  const { stdout } = await promisify(execFile)("curl", [...flags, ...old, `https://shop.test:${port}/pay`]);
  rmSync(folder, { recursive: true });
  assert.equal(stdout, "mocked");
});
