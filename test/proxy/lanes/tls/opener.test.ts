// What a client waits for before its TLS is answered; with a clock that moves by hand.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { connect } from "node:tls";
import type { Connection } from "../../../../src/core/connection.ts";
import type { Traffic } from "../../../../src/core/lane.ts";
import type { SecureChannel } from "../../../../src/core/link.ts";
import { defaultSettings } from "../../../../src/core/settings.ts";
import { readClientHello } from "../../../../src/proxy/lanes/tls/client-hello.ts";
import { createOpener } from "../../../../src/proxy/lanes/tls/opener.ts";
import { testAuthority } from "../../../support/https.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { openServer } from "../../../support/rig.ts";

test("opener: a client that offers h2 waits two seconds for a silent upstream, the next one not at all", async () => {
  const authority = await testAuthority("ours");
  const clock = manualClock();
  let asked = 0;
  let late: (channel: SecureChannel) => void = () => undefined;
  let destroyed = false;
  const secureDial = {
    open: () => {
      asked++;
      return new Promise<SecureChannel>((resolve) => {
        late = resolve;
      });
    },
    link: () => assert.fail("no call needs the upstream"),
  };
  const routed: Connection[] = [];
  // As much of the traffic as an opener uses.
  const traffic = {
    clock,
    settings: defaultSettings,
    route: (connection: Connection) => routed.push(connection),
  } as unknown as Traffic;
  const opener = createOpener({ authority, secureDial, inletOf: () => null, traffic });
  await using listener = await openServer((socket) => {
    socket.once("data", (first: Buffer) => {
      const hello = readClientHello(first);
      if (typeof hello === "string") assert.fail(hello);
      socket.pause();
      const connection = { id: "1", socket, mode: "transparent" } as unknown as Connection;
      const upstream = { host: "192.0.2.1", port: 443 };
      void opener.open(
        {
          connection,
          upstream,
          hello,
          serverName: "shop.test",
          name: "shop.test",
          keys: "ec" as const,
          first,
        },
        () => undefined,
      );
    });
  });
  const dial = () =>
    connect({
      ...listener.address,
      servername: "shop.test",
      ca: authority.trust,
      ALPNProtocols: ["h2", "http/1.1"],
    });
  const client = dial();
  const opened = once(client, "secureConnect");
  while (asked === 0) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(1_999);
  assert.equal(routed.length, 0);
  await clock.advance(1);
  await opened;
  assert.equal(client.alpnProtocol, "http/1.1");
  late({
    protocol: "h2",
    alive: true,
    attach: () => assert.fail("too late"),
    destroy: () => (destroyed = true),
  });
  const next = dial();
  await once(next, "secureConnect");
  assert.equal(asked, 1);
  assert.ok(destroyed, "a channel that comes too late is let go");
  client.destroy();
  next.destroy();
});
