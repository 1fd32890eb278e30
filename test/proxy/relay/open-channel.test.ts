// A TLS connection that was opened before a call needs it: how it ends is told as of any other.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createServer, type TlsOptions } from "node:tls";
import type { LinkEnd } from "../../../src/core/link.ts";
import { type ForeignAuthority, foreignAuthority } from "../../support/foreign-certificates.ts";
import { secureDial } from "../../support/secure-dial.ts";

/** How a link upon a channel ends that says one word. */
async function endOver(
  theirs: ForeignAuthority,
  options: TlsOptions,
): Promise<{ how: LinkEnd; detail: string }> {
  const { certificate: cert, key } = await theirs.issue({ purpose: "server" });
  const listener = createServer({ cert, key, ca: theirs.certificate, ...options }, (socket) =>
    socket.once("data", () => socket.destroy()),
  );
  listener.on("tlsClientError", () => undefined);
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const aim = { upstream: { host: "127.0.0.1", port }, serverName: "shop.test", protocols: [] };
  const channel = await secureDial(theirs.certificate).open(aim);
  const end = await new Promise<{ how: LinkEnd; detail: string }>((resolve) => {
    const link = channel.attach({
      data: () => assert.fail("it says nothing"),
      drain: () => undefined,
      end: () => link.destroy(true),
      close: (how, detail) => resolve({ how, detail: detail.replaceAll(`127.0.0.1:${port}`, "ADDRESS") }),
    });
    link.write(Buffer.from("hello"));
  });
  listener.close();
  return end;
}

test("open channel: an upstream that wants a client certificate after all (TLS 1.3) is told of as such", async () => {
  const theirs = await foreignAuthority("theirs");
  const told = (wire: string) => ({
    how: "refused",
    detail:
      "shop.test (ADDRESS) asks for a client certificate and none is configured for it: tls.clientCertificates in the config, " +
      `or --client-certificates shop.test=CERT:KEY, gives it one (${wire})`,
  });
  assert.deepEqual(await endOver(theirs, { requestCert: true }), told("TLS alert 116, certificate required"));
  assert.deepEqual(
    await endOver(theirs, { requestCert: true, rejectUnauthorized: false }),
    told("it closed the connection without an alert"),
  );
});
