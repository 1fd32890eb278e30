// Rules about messages that name no descriptors: what the upstream tells of itself, a real server's reflection service.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { systemClock } from "../../../../../src/core/clock.ts";
import { createDeadlines } from "../../../../../src/core/deadlines.ts";
import type { Dial } from "../../../../../src/core/link.ts";
import { createReadBuffers } from "../../../../../src/core/read-buffers.ts";
import type { TapEvent } from "../../../../../src/core/tap.ts";
import { createGrpcDialect } from "../../../../../src/proxy/lanes/dialects/grpc/dialect.ts";
import { createLearnedDescriptors } from "../../../../../src/proxy/lanes/dialects/grpc/learned-descriptors.ts";
import { createDial } from "../../../../../src/proxy/relay/socket-link.ts";
import { openShop, type ShopServer, shopClient, shopPackage } from "../../../../support/grpc-shop.ts";
import { testAuthority } from "../../../../support/https.ts";
import { type ManualClock, manualClock } from "../../../../support/manual-clock.ts";
import { openRig, openServer, type Rig, type RigOptions } from "../../../../support/rig.ts";
import { rulesOf } from "./rules.ts";

/** A reflection service of one version alone, which counts the streams that it opens. */
function reflecting(version: "v1" | "v1alpha", asked: string[] = []): (server: grpc.Server) => void {
  return (server) => {
    new ReflectionService(shopPackage).addToServer({
      addService(definition, handlers) {
        const [rpc] = Object.values(definition);
        if (!rpc?.path.startsWith(`/grpc.reflection.${version}.`)) return;
        const [name = "", handler] = Object.entries(handlers)[0] ?? [];
        server.addService(definition, {
          [name](call: grpc.ServerDuplexStream<unknown, unknown>) {
            asked.push(rpc.path);
            // The library's own handler takes such a call.
            (handler as grpc.handleBidiStreamingCall<unknown, unknown>)(call);
          },
        });
      },
    });
  };
}

const systemDial: Dial = createDial({
  clock: systemClock,
  deadlines: createDeadlines(systemClock, 50),
  connectMs: 2_000,
  buffers: createReadBuffers(),
  shortcut: null,
});

interface Learning {
  readonly options: RigOptions;
  readonly troubles: TapEvent[];
}

function learning(
  rules: string,
  upstream: ShopServer["address"],
  clock: ManualClock | null = null,
): Learning {
  const troubles: TapEvent[] = [];
  const learned = createLearnedDescriptors({
    clock: clock ?? systemClock,
    tap: { observe: (event) => void troubles.push(event) },
    dial: systemDial,
    destinationOf: () => null,
    deadlineMs: 2_000,
  });
  const options = { upstream, rules: rulesOf(rules, null), dialects: [createGrpcDialect(learned)] };
  return { options, troubles };
}

const aboutMessages = `
- name: mocked
  matches: [{grpc: {method: Get}, message: {equalToJson: {sku: mocked}}}]
  respond: {grpc: {message: {sku: from-us, byStore: {a: 1}}}}
- name: patched
  matches: [{grpc: {method: Get}}]
  patch: {grpc: {response: {inStock: 7}}}
`;

async function mocksAndPatches(rig: Rig): Promise<void> {
  using client = shopClient(rig.address);
  const [mocked, patched] = await Promise.all([
    client.call("Get", [{ sku: "mocked" }]),
    client.call("Get", [{ sku: "real" }]),
  ]);
  assert.equal(mocked.messages[0]?.sku, "from-us");
  assert.deepEqual(mocked.messages[0]?.byStore, { a: 1 });
  assert.deepEqual([patched.messages[0]?.sku, patched.messages[0]?.inStock], ["real", 7]);
}

for (const version of ["v1", "v1alpha"] as const)
  test(`reflection ${version}: messages are matched, answered and changed; the upstream is asked once`, async () => {
    const asked: string[] = [];
    await using shop = await openShop(reflecting(version, asked));
    const { options, troubles } = learning(aboutMessages, shop.address);
    await using rig = await openRig(options);
    await mocksAndPatches(rig);
    await mocksAndPatches(rig);
    assert.deepEqual(asked, [`/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`]);
    assert.deepEqual(troubles, []);
  });

test("reflection: a reply that turns out not to fit its method ends the call, and says why", async () => {
  await using shop = await openShop(reflecting("v1"));
  const messages = "[{message: {sku: a}}, {message: {sku: b}}]";
  const rule = `\n- name: two\n  matches: [{grpc: {method: Get}}]\n  respond: {grpc: {messages: ${messages}}}\n`;
  await using rig = await openRig(learning(rule, shop.address).options);
  using client = shopClient(rig.address);
  const { code, details } = await client.call("Get", [{ sku: "a" }]);
  assert.ok(code !== 0);
  assert.match(details, /expected one message, since the method does not stream its answers, got 2/);
});

test("reflection: a call of gRPC-Web over HTTP/1 waits for it, and what comes behind it", async () => {
  await using shop = await openShop(reflecting("v1"));
  const { options } = learning(aboutMessages, shop.address);
  await using rig = await openRig(options);
  const sku = Buffer.concat([Buffer.from([0, 0, 0, 0, 8, 10, 6]), Buffer.from("mocked")]);
  const reply = await fetch(`http://127.0.0.1:${rig.address.port}/shop.v1.Inventory/Get`, {
    method: "POST",
    headers: { "content-type": "application/grpc-web+proto" },
    body: sku,
  });
  const bytes = Buffer.from(await reply.arrayBuffer()).toString("latin1");
  assert.match(bytes, /from-us.*grpc-status: 0/s);
});

test("reflection: a Connect call by GET, which has no body, waits for it as well", async () => {
  await using shop = await openShop(reflecting("v1"));
  const { options } = learning(aboutMessages, shop.address);
  await using rig = await openRig(options);
  const message = Buffer.from("\x0a\x06mocked").toString("base64url");
  const reply = await fetch(
    `http://127.0.0.1:${rig.address.port}/shop.v1.Inventory/Get?connect=v1&encoding=proto&base64=1&message=${message}`,
  );
  assert.match(Buffer.from(await reply.arrayBuffer()).toString("latin1"), /from-us/);
});

test("reflection: an upstream without it gets the call as it is, and that is told once", async () => {
  await using shop = await openShop();
  const { options, troubles } = learning(aboutMessages, shop.address);
  await using rig = await openRig(options);
  using client = shopClient(rig.address);
  for (const sku of ["mocked", "real"]) {
    const { code, messages } = await client.call("Get", [{ sku }]);
    assert.deepEqual([code, messages[0]?.sku, messages[0]?.inStock], [0, sku, 10]);
  }
  assert.equal(troubles.length, 1);
  assert.partialDeepStrictEqual(troubles, [
    {
      kind: "trouble",
      area: "grpc",
      message: `127.0.0.1:${shop.address.port} does not describe shop.v1.Inventory, and the rules name no descriptors of it: it has no reflection service`,
    },
  ]);
  const event = await rig.event((found) => found.kind === "call" && found.rule === "patched");
  assert.match(event.kind === "call" ? event.detail : "", /no descriptor of its method is known/);
});

test("reflection: a call waits no longer than the deadline, the next one not at all", async () => {
  const clock = manualClock();
  let silent = 0;
  await using hole = await openServer(() => {
    silent++;
  });
  const learned = createLearnedDescriptors({
    clock,
    tap: { observe: () => undefined },
    dial: systemDial,
    destinationOf: () => null,
    deadlineMs: 2_000,
  });
  const head = {
    method: "POST",
    scheme: "http",
    authority: "shop",
    path: "/shop.v1.Inventory/Get",
    headers: [],
    header: () => undefined,
  } as const;
  const connection = {
    id: "1",
    direction: "outbound",
    downstream: { host: "127.0.0.1", port: 1 },
    originalDestination: hole.address,
  } as const;
  const first = learned(head, connection);
  assert.equal(learned(head, connection), first, "all calls wait for the same answer");
  let settled = false;
  void Promise.resolve(first).then(() => {
    settled = true;
  });
  while (silent === 0) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(1_999);
  assert.equal(settled, false);
  await clock.advance(1);
  assert.equal(await first, null);
  assert.equal(learned(head, connection), null, "it is not asked again soon");
  await clock.advance(30_000);
  assert.ok(learned(head, connection) instanceof Promise, "but later");
  await clock.advance(2_000);
  assert.equal(clock.pending(), 0);
});

test("reflection: what was told is asked for again in the background, and holds meanwhile", async () => {
  const clock = manualClock();
  const asked: string[] = [];
  await using shop = await openShop(reflecting("v1", asked));
  const { options } = learning(aboutMessages, shop.address, clock);
  await using rig = await openRig(options);
  await mocksAndPatches(rig);
  await clock.advance(600_000);
  await mocksAndPatches(rig);
  while (asked.length < 2) await new Promise((resolve) => setImmediate(resolve));
  await mocksAndPatches(rig);
  assert.equal(asked.length, 2);
});

test("reflection: over TLS that we have opened, the upstream is asked over TLS with the client's name", async () => {
  const [ours, theirs] = await Promise.all([testAuthority("ours"), testAuthority("theirs")]);
  const leaf = await theirs.issue("shop.test");
  const credentials = grpc.ServerCredentials.createSsl(null, [
    { cert_chain: Buffer.from(leaf.chain), private_key: Buffer.from(leaf.key) },
  ]);
  const asked: string[] = [];
  await using shop = await openShop(reflecting("v1", asked), credentials);
  const { options, troubles } = learning(aboutMessages, shop.address);
  await using rig = await openRig({ ...options, tls: { authority: ours, extraRoots: [theirs.trust] } });
  using client = shopClient(
    rig.address,
    { "grpc.ssl_target_name_override": "shop.test", "grpc.default_authority": "shop.test" },
    grpc.credentials.createSsl(Buffer.from(ours.trust)),
  );
  const { details, messages } = await client.call("Get", [{ sku: "mocked" }]);
  assert.equal(messages[0]?.sku, "from-us", details);
  assert.equal(asked.length, 1);
  assert.deepEqual(troubles, []);
});
