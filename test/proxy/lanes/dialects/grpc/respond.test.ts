// Mocks of gRPC, as a real client sees them, beside calls that go on to a real server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { withShop } from "./rules.ts";

const call = (method: string) => `matches: [{grpc: {service: shop.v1.Inventory, method: ${method}}}]`;

test("grpc: a unary call is mocked with message, metadata and trailers; other methods are relayed", () =>
  withShop(
    `
- name: empty
  ${call("Get")}
  respond:
    grpc:
      message: {sku: mocked, in_stock: 3, price: {currency: EUR, units: "7"}, byStore: {a: 1}, state: SOLD_OUT}
      metadata: {x-head: "1"}
      trailers: {x-tail: "2"}
`,
    async ({ client, rig, shop }) => {
      const mocked = await client.call("Get", [{ sku: "a" }]);
      assert.equal(mocked.code, 0);
      assert.partialDeepStrictEqual(mocked.messages, [
        {
          sku: "mocked",
          inStock: 3,
          price: { currency: "EUR", units: 7 },
          byStore: { a: 1 },
          state: "SOLD_OUT",
        },
      ]);
      assert.deepEqual(mocked.metadata?.get("x-head"), ["1"]);
      assert.deepEqual(mocked.trailers?.get("x-tail"), ["2"]);
      const relayed = await client.call("Watch", [{ sku: "b", amount: 2 }]);
      assert.deepEqual(
        relayed.messages.map(({ inStock }) => inStock),
        [0, 1],
      );
      assert.deepEqual(
        shop.seen.map(({ method }) => method),
        ["Watch"],
      );
      const event = await rig.event((found) => found.kind === "call");
      assert.partialDeepStrictEqual(event, { rule: "empty", outcome: "mocked" });
    },
  ));

test("grpc: a status with text and details, without any message, comes as trailers alone", () =>
  withShop(
    `
- name: gone
  ${call("Get")}
  respond:
    grpc:
      status: NOT_FOUND
      message: "no such item: ü%"
      details: [{"@type": google.rpc.ErrorInfo, reason: GONE, domain: shop}]
`,
    async ({ client }) => {
      const { code, details, messages, trailers } = await client.call("Get", [{ sku: "a" }]);
      assert.deepEqual([code, details, messages], [5, "no such item: ü%", []]);
      const rich = trailers?.get("grpc-status-details-bin")[0];
      assert.ok(Buffer.isBuffer(rich));
      assert.match(rich.toString("latin1"), /type\.googleapis\.com\/google\.rpc\.ErrorInfo.*GONE.*shop/s);
    },
  ));

test("grpc: a server stream gives its messages in turn, then its status", () =>
  withShop(
    `
- name: watch
  ${call("Watch")}
  respond:
    grpc:
      status: RESOURCE_EXHAUSTED
      message: enough
      messages:
        - message: {inStock: 1}
        - {message: {inStock: 2}, delay: 5ms}
`,
    async ({ client }) => {
      const { code, details, messages } = await client.call("Watch", [{ sku: "a" }]);
      assert.deepEqual([code, details], [8, "enough"]);
      assert.deepEqual(
        messages.map(({ inStock }) => inStock),
        [1, 2],
      );
    },
  ));

test("grpc: a client stream is heard to its end before the answer comes", () =>
  withShop(
    `
- name: count
  ${call("Count")}
  respond: {grpc: {message: {sku: "{{request.json.sku}}", inStock: 9}, template: true}}
`,
    async ({ client, shop }) => {
      const { code, messages } = await client.call("Count", [{ sku: "first" }, { sku: "b" }]);
      assert.equal(code, 0);
      assert.partialDeepStrictEqual(messages, [{ sku: "first", inStock: 9 }]);
      assert.equal(shop.seen.length, 0);
    },
  ));

test("grpc: a conversation answers after so many messages of the client", () =>
  withShop(
    `
- name: talk
  ${call("Talk")}
  respond:
    grpc:
      messages:
        - message: {sku: hello}
        - {message: {sku: two}, afterMessages: 2}
`,
    async ({ client }) => {
      const talk = client.raw.Talk?.() as import("@grpc/grpc-js").ClientDuplexStream<
        unknown,
        { sku: string }
      >;
      const got: string[] = [];
      const wait = (count: number) =>
        new Promise<void>((resolve) => {
          const look = () => {
            if (got.length >= count) resolve();
          };
          talk.on("data", look);
          look();
        });
      talk.on("data", ({ sku }) => got.push(sku));
      await wait(1);
      talk.write({ sku: "a" });
      talk.write({ sku: "b" });
      await wait(2);
      assert.deepEqual(got, ["hello", "two"]);
      await new Promise((resolve) => talk.on("status", resolve));
    },
  ));

test("grpc: a deadline ends a slow mock, and one that is delayed", () =>
  withShop(
    `
- name: slow
  ${call("Get")}
  fault: {delay: 10s}
- name: slow-stream
  ${call("Watch")}
  respond: {grpc: {messages: [{message: {inStock: 1}}, {message: {inStock: 2}, delay: 10s}]}}
`,
    async ({ client }) => {
      assert.equal((await client.call("Get", [{ sku: "a" }], { deadlineMs: 100 })).code, 4);
      const stream = await client.call("Watch", [{ sku: "a" }], { deadlineMs: 100 });
      assert.deepEqual([stream.code, stream.messages.length], [4, 1]);
    },
  ));

test("grpc: a call that is aborted hears a status", () =>
  withShop(
    `
- name: down
  matches: [{grpc: {service: shop.v1.Inventory}}]
  fault: {abort: {grpcStatus: UNAVAILABLE, message: out for lunch}}
`,
    async ({ client }) => {
      for (const method of ["Get", "Watch", "Count", "Talk"] as const) {
        const { code, details } = await client.call(method, [{ sku: "a" }]);
        assert.deepEqual([code, details], [14, "out for lunch"]);
      }
    },
  ));

test("grpc: rules match on fields of the message and on metadata", () =>
  withShop(
    `
- name: tom
  matches:
    - grpc: {service: shop.v1.Inventory, method: Get}
      message: {equalToJson: {sku: tom, include_price: true}, ignoreExtraElements: true}
  respond: {grpc: {message: {sku: for-tom}}}
- name: many
  matches:
    - grpc: {method: Get}
      message: {matchesJsonPath: {expression: $.amount, greaterThan: 100}}
  respond: {grpc: {message: {sku: for-many}}}
- name: debug
  matches: [{grpc: {}, metadata: {x-debug: "1"}}]
  respond: {grpc: {message: {sku: debugged}}}
`,
    async ({ client }) => {
      const skuOf = async (request: unknown, metadata = {}) =>
        (await client.call("Get", [request], { metadata })).messages[0]?.sku;
      assert.equal(await skuOf({ sku: "tom", includePrice: true, amount: 3 }), "for-tom");
      assert.equal(await skuOf({ sku: "tom" }), "tom");
      assert.equal(await skuOf({ sku: "x", amount: 101 }), "for-many");
      assert.equal(await skuOf({ sku: "x", amount: 100 }), "x");
      assert.equal(await skuOf({ sku: "x" }, { "x-debug": "1" }), "debugged");
    },
  ));

test("grpc: replies in turn, and by weight", () =>
  withShop(
    `
- name: turns
  ${call("Get")}
  respond:
    cycle:
      - grpc: {message: {sku: first}}
      - grpc: {status: UNAVAILABLE, message: not now}
- name: drawn
  ${call("Count")}
  respond:
    random:
      - {weight: 0.000001, grpc: {message: {sku: never}}}
      - {weight: 2, grpc: {message: {sku: always}}}
`,
    async ({ client }) => {
      const seen: unknown[] = [];
      for (let i = 0; i < 3; i++) {
        const { code, messages } = await client.call("Get", [{ sku: "a" }]);
        seen.push(code, messages[0]?.sku);
      }
      assert.deepEqual(seen, [0, "first", 14, undefined, 0, "first"]);
      for (let i = 0; i < 3; i++)
        assert.equal((await client.call("Count", [{ sku: "a" }])).messages[0]?.sku, "always");
    },
  ));

test("grpc: what is wrong in a reply, or in one of several, is told with its place", async () => {
  for (const [respond, message] of [
    ["{cycle: [{grpc: {message: {skuu: a}}}]}", /did you mean "sku"/],
    [
      "{grpc: {messages: [{message: {sku: a}}, {message: {sku: b}}]}}",
      /expected one message, since .*, got 2/,
    ],
    ["{cycle: [{grpc: {message: {sku: a}}}, {status: 200}]}", /of gRPC in every place or in none/],
    [
      "{random: [{grpc: {status: OK}, status: 200}]}",
      /respond\.random\[0\]\.status: means nothing beside grpc/,
    ],
    ["{grpc: {status: OK}, delay: 1s}", /respond\.delay: stands within grpc: \{delay: …\}/],
    ["{grpc: {status: OK}, template: true}", /respond\.template: stands within grpc: \{template: …\}/],
  ] as const) {
    const rule = `\n- name: wrong\n  ${call("Get")}\n  respond: ${respond}\n`;
    await assert.rejects(
      withShop(rule, async () => undefined),
      message,
    );
  }
});
