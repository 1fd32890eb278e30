// A start while the store does not answer, and nothing is kept on disk: who serves, and who refuses.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { HostPort } from "../../src/core/address.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemRandom } from "../../src/core/random.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { noAccess } from "../../src/core/store-access.ts";
import { parseStoreUrl } from "../../src/core/store-url.ts";
import { startSidecar } from "../../src/sidecar/sidecar.ts";

const loopback = { host: "127.0.0.1", port: 0 };

/** A server that says what `answer` says; where it is. */
async function serve(t: TestContext, answer: string, status = 200): Promise<HostPort> {
  const server = createServer((_request, response) => response.writeHead(status).end(answer));
  server.listen(loopback);
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

async function ask({ port }: HostPort, path: string): Promise<{ status: number; text: string }> {
  const [response] = (await once(get({ port, path, agent: false }), "response")) as [IncomingMessage];
  let text = "";
  for await (const part of response) text += part;
  return { status: response.statusCode ?? 0, text };
}

function start(to: HostPort, store: string, whenStoreIsAway?: "refuse" | "relay") {
  const url = parseStoreUrl(store) ?? assert.fail();
  return startSidecar(
    {
      settings: defaultSettings,
      listeners: [{ kind: "bind", address: loopback, mode: { kind: "fixed", to, direction: "outbound" } }],
      admin: loopback,
      rules: null,
      store: { url, access: noAccess, service: null, namespace: null, stateDir: null, memberName: "m" },
      whenRulesAreBad: "refuse",
      ...(whenStoreIsAway ? { whenStoreIsAway } : {}),
      taps: [],
    },
    { clock: systemClock, random: systemRandom },
  );
}

test("start: while the store is away calls are relayed, and the sidecar is not ready", async (t) => {
  const sidecar = await start(await serve(t, "hello"), "consul://127.0.0.1:1", "relay");
  t.after(() => sidecar.close());
  const [address] = sidecar.addresses;
  assert.equal((await ask(address ?? assert.fail(), "/")).text, "hello");
  const ready = await ask(sidecar.adminAddress ?? assert.fail(), "/readyz");
  assert.equal(ready.status, 503);
  assert.match(ready.text, /expected a store that answers, got .*there is no copy on disk/);
});

test("start: where the rules are required, a store that is away refuses it", async (t) => {
  const to = await serve(t, "hello");
  await assert.rejects(start(to, "consul://127.0.0.1:1", "refuse"), { code: "store_unavailable" });
  await assert.rejects(start(to, "consul://127.0.0.1:1"), { code: "store_unavailable" });
});

test("start: a server that is no Consul is a store that is away, not one without rules", async (t) => {
  const other = await serve(t, "no such page", 404);
  await assert.rejects(start(other, `consul://127.0.0.1:${other.port}`, "refuse"), {
    code: "store_unavailable",
    message: /expected an answer with X-Consul-Index/,
  });
});
