// Changes and harm to messages that pass between a real client and a real server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyBody, streamBody } from "../../../../../src/core/body.ts";
import type { ConnectionFacts } from "../../../../../src/core/connection.ts";
import type { Exchange, Reply, RequestHead } from "../../../../../src/core/exchange.ts";
import { grpcFault } from "../../../../../src/proxy/lanes/dialects/grpc/fault.ts";
import { withShop } from "./rules.ts";

const all = "matches: [{grpc: {service: shop.v1.Inventory}}]";

test("grpc patch: fields of each message change, those not named stay", () =>
  withShop(
    `
- name: cheap
  matches: [{grpc: {service: shop.v1.Inventory, method: Watch}}, {grpc: {service: shop.v1.Inventory, method: Talk}}]
  patch:
    grpc:
      request: {sku: patched}
      response: {price: {units: 1}, tags: [sale], state: null, byStore: {a: 2}}
`,
    async ({ client, shop }) => {
      const watched = await client.call("Watch", [{ sku: "a", amount: 2 }]);
      assert.equal(watched.code, 0);
      assert.partialDeepStrictEqual(watched.messages, [
        {
          sku: "patched",
          inStock: 0,
          price: { currency: "EUR", units: 1 },
          tags: ["sale"],
          byStore: { a: 2 },
        },
        { sku: "patched", inStock: 1 },
      ]);
      const talked = await client.call("Talk", [{ sku: "a" }, { sku: "b", amount: 7 }]);
      assert.deepEqual(
        talked.messages.map(({ sku, price }) => [sku, price?.units]),
        [
          ["patched", 1],
          ["patched", 1],
        ],
      );
      assert.partialDeepStrictEqual(shop.seen.at(-1)?.request, { sku: "patched", amount: 7 });
    },
  ));

test("grpc patch: operations of JSON Patch, all or none", () =>
  withShop(
    `
- name: ops
  ${all}
  patch:
    grpc:
      response:
        - {op: test, path: /sku, value: a}
        - {op: add, path: /tags/-, value: added}
        - {op: remove, path: /price}
        - {op: replace, path: /tags/0, value: first}
`,
    async ({ client, rig }) => {
      const changed = await client.call("Get", [{ sku: "a" }]);
      assert.deepEqual(
        [changed.messages[0]?.tags, changed.messages[0]?.price],
        [["first", "added"], undefined],
      );
      const kept = await client.call("Get", [{ sku: "b" }]);
      assert.deepEqual(kept.messages[0]?.tags, ["real"]);
      const event = await rig.event((found) => found.kind === "call" && found.detail !== "");
      assert.match(event.kind === "call" ? event.detail : "", /patch\.grpc: left unchanged: sku is "b"/);
    },
  ));

test("grpc patch: what it says of each message of a stream is bounded, and nothing is said twice", () =>
  withShop(
    `
- name: ops
  ${all}
  patch: {grpc: {response: [{op: test, path: /inStock, value: 1}]}}
- name: large
  matches: [{grpc: {service: shop.v1.Inventory, method: Talk}}]
  priority: 1
  patch: {grpc: {request: {tenant: qa}}}
`,
    async ({ client, rig }) => {
      const watched = await client.call("Watch", [{ sku: "a", amount: 1_000 }]);
      assert.equal(watched.messages.length, 1_000);
      const event = await rig.event((found) => found.kind === "call" && found.rule === "ops");
      const detail = event.kind === "call" ? event.detail : "";
      assert.match(
        detail,
        /^patch\.grpc: left unchanged: inStock is 0; patch\.grpc: left unchanged: inStock is 2; /,
      );
      assert.ok(detail.length < 1_100, `${detail.length} characters`);
      const sku = "x".repeat(1_500_000);
      const talked = await client.call("Talk", [{ sku }, { sku }]);
      assert.equal(talked.messages.length, 2);
      const large = await rig.event((found) => found.kind === "call" && found.rule === "large");
      assert.partialDeepStrictEqual(large, {
        detail: "patch.grpc: left unchanged: a message of more than 1048576 bytes",
      });
    },
  ));

test("grpc fault: a stream ends with a status after so many messages", () =>
  withShop(
    `
- name: cut
  ${all}
  fault: {grpc: {afterMessages: 2, abort: {grpcStatus: DATA_LOSS, message: lost}}}
`,
    async ({ client }) => {
      const { code, details, messages } = await client.call("Watch", [{ sku: "endless", amount: 3 }]);
      assert.deepEqual([code, details, messages.length], [15, "lost", 2]);
      const short = await client.call("Talk", [{ sku: "a" }]);
      assert.deepEqual([short.code, short.messages.length], [0, 1]);
    },
  ));

test("grpc fault: a stream is reset after so many messages, or inside one", () =>
  withShop(
    `
- name: reset
  matches: [{grpc: {method: Watch}}]
  fault: {truncate: {afterMessages: 1}}
- name: half
  matches: [{grpc: {method: Get}}]
  fault: {grpc: {halfMessage: true}}
`,
    async ({ client }) => {
      const watched = await client.call("Watch", [{ sku: "a" }]);
      assert.deepEqual([watched.code, watched.messages.length], [13, 1]);
      const half = await client.call("Get", [{ sku: "a" }]);
      assert.deepEqual([half.code, half.messages.length], [13, 0]);
    },
  ));

test("http2 fault: RST_STREAM with its code, and GOAWAY after which the client dials again", () =>
  withShop(
    `
- name: refused
  matches: [{grpc: {method: Get}, metadata: {x-how: reset}}]
  fault: {http2: {resetStream: ENHANCE_YOUR_CALM}}
- name: away
  matches: [{grpc: {method: Get}, metadata: {x-how: away}}]
  fault: {http2: {goAway: NO_ERROR}}
- name: slow
  matches: [{grpc: {method: Get}, metadata: {x-how: slow}}]
  fault: {delay: 50ms}
`,
    async ({ client, rig }) => {
      assert.equal((await client.call("Get", [{ sku: "a" }], { metadata: { "x-how": "reset" } })).code, 8);
      const [slow, away] = await Promise.all([
        client.call("Get", [{ sku: "a" }], { metadata: { "x-how": "slow" } }),
        client.call("Get", [{ sku: "a" }], { metadata: { "x-how": "away" } }),
      ]);
      assert.equal(slow.code, 0, "what is open goes on");
      assert.equal(away.code, 14);
      assert.match(away.details, /refused/);
      assert.equal((await client.call("Get", [{ sku: "a" }])).code, 0);
      // grpc-js sends once more by itself what a server that goes away has never looked at.
      const called = rig.events.filter((event) => event.kind === "call" && event.rule === "away");
      assert.equal(called.length, 2);
      assert.equal(rig.events.filter(({ kind }) => kind === "connection-opened").length, 3);
    },
  ));

function exchangeUntil(faultEnds: AbortSignal): Exchange {
  const head: RequestHead = {
    method: "POST",
    scheme: "http",
    authority: "shop",
    path: "/shop.v1.Inventory/Watch",
    headers: [],
    header: (name) => (name === "content-type" ? "application/grpc" : undefined),
  };
  const connection: ConnectionFacts = {
    id: "1",
    direction: "outbound",
    downstream: { host: "127.0.0.1", port: 1 },
    originalDestination: null,
  };
  const { signal } = new AbortController();
  return { id: "1", connection, head, body: emptyBody, signal, faultEnds };
}

test("grpc fault: a status without messages passes in its head, or gives way to that of the rule", async () => {
  const { signal } = new AbortController();
  const refused: Reply = {
    ...{ kind: "response", status: 200, reason: "", body: emptyBody },
    headers: [
      ["content-type", "application/grpc"],
      ["grpc-status", "5"],
      ["grpc-message", "no"],
    ],
  };
  const how = { kind: "status", code: 15, text: "" } as const;
  const under = (afterMessages: number, faultEnds = signal) =>
    grpcFault({ afterMessages, how }).apply(exchangeUntil(faultEnds), async () => refused);
  assert.equal(await under(2), refused);
  assert.equal(await under(0, AbortSignal.abort()), refused);
  const harmed = await under(0);
  assert.ok(harmed.kind === "response");
  assert.equal((await harmed.body.read(1_000)).length, 0);
  assert.deepEqual(harmed.headers, [["content-type", "application/grpc"]]);
  assert.deepEqual(harmed.body.trailers(), [["grpc-status", "15"]]);
});

test("grpc fault: ends with its rule, in the middle of a stream and before one", async () => {
  const message = Buffer.from([0, 0, 0, 0, 1, 7]);
  for (const [afterMessages, endsBehind] of [
    [2, 1],
    [0, 0],
  ] as const) {
    const ends = new AbortController();
    const chunks = async function* () {
      for (let i = 0; i < 3; i++) {
        if (i === endsBehind) ends.abort();
        yield message;
      }
    };
    if (endsBehind === 0) ends.abort();
    const exchange = exchangeUntil(ends.signal);
    const fault = grpcFault({ afterMessages, how: { kind: "status", code: 15, text: "" } });
    const body = streamBody(null, chunks, () => [["grpc-status", "0"]]);
    const reply = await fault.apply(exchange, async () => ({
      ...{ kind: "response", status: 200, reason: "", headers: [] },
      body,
    }));
    assert.ok(reply.kind === "response");
    assert.equal((await reply.body.read(1_000)).length, 3 * message.length);
    assert.deepEqual(reply.body.trailers(), [["grpc-status", "0"]]);
  }
});
