// Answers that no Consul gives, from a server that pretends to be one.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { openStore } from "../../../../src/control/rules/kv/open-store.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import { seededRandom } from "../../../../src/core/random.ts";
import { noAccess } from "../../../../src/core/store-access.ts";

const never = new AbortController().signal;

async function storeThatAnswers(answer: RequestListener, context: TestContext) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const hosts = [{ host: "127.0.0.1", port: (server.address() as AddressInfo).port }];
  const url = { kind: "consul", secure: false, hosts, prefix: "r/" } as const;
  const store = await openStore(url, noAccess, { clock: systemClock, random: seededRandom(1) });
  context.after(() => {
    store.close();
    server.closeAllConnections();
    server.close();
  });
  return store;
}

test("an answer without an end is given up at 64 MiB, and the connection with it", async (context) => {
  const closed = Promise.withResolvers<number>();
  const store = await storeThatAnswers((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const chunk = Buffer.alloc(1024 * 1024, " ");
    let sent = 0;
    const pour = () => {
      while (!response.destroyed) {
        sent += chunk.length;
        if (!response.write(chunk)) break;
      }
    };
    response.on("drain", pour).on("close", () => closed.resolve(sent));
    pour();
  }, context);
  await assert.rejects(store.read("r/", never), {
    code: "store_unavailable",
    message: /expected an answer of at most 67108864 bytes, got more/,
  });
  assert.ok((await closed.promise) < 128 * 1024 * 1024);
});

test("JSON that is none is told", async (context) => {
  const store = await storeThatAnswers((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end("[{]");
  }, context);
  await assert.rejects(store.read("r/", never), { code: "store_unavailable", message: /JSON/ });
});

test("what a server says to a refusal is told", async (context) => {
  const store = await storeThatAnswers((_request, response) => {
    response.writeHead(500, { "content-type": "text/plain" }).end("No cluster leader");
  }, context);
  await assert.rejects(store.read("r/", never), { code: "store_unavailable", message: /No cluster leader/ });
});
