// GraphQL over WebSocket with real sockets: a mocked server, operations answered beside a real one, fields overlaid.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { fetchExchange, subscriptionExchange, Client as UrqlClient } from "@urql/core";
import { createClient } from "graphql-ws";
import { WebSocket, WebSocketServer } from "ws";
import { openRaw, openSocketServer, resultsOf } from "./sockets.ts";
import { openStage } from "./stage.ts";

const transportWs = ["graphql-transport-ws"];
const init = { type: "connection_init" };
const subscribe = (id: string, query: string, variables?: object) => ({
  ...{ id, type: "subscribe" },
  payload: { query, ...(variables ? { variables } : {}) },
});

const shop = `
  - name: shop
    respond:
      graphql:
        schema: shop.graphql
        overrides:
          User.name: Tom
          Query.count: 7
          Mutation.rename: {remember: {name: args.name}}
          Subscription.ticks: {events: [{value: 1}, {after: 1ms, value: 2}, {value: 3}]}
          Subscription.prices: {events: [{value: {amount: 1}}, {after: 1h, value: {amount: 2}}]}
`;

const clientOf = (url: string) =>
  createClient({ url: url.replace("http:", "ws:"), webSocketImpl: WebSocket, retryAttempts: 0 });

test("graphql-ws: a mocked schema answers queries, mutations and timed subscriptions on one socket", async () => {
  await using stage = await openStage(shop);
  const client = clientOf(stage.url);
  const [query, ticks, renamed] = await Promise.all([
    resultsOf(client.iterate({ query: "{ me { name } count }" })),
    resultsOf(client.iterate({ query: "subscription { ticks }" })),
    resultsOf(client.iterate({ query: 'mutation { rename(name: "Ann") { name } }' })),
  ]);
  assert.deepEqual(query, [{ data: { me: { name: "Tom" }, count: 7 } }]);
  assert.deepEqual(
    ticks,
    [1, 2, 3].map((value) => ({ data: { ticks: value } })),
  );
  assert.deepEqual(renamed, [{ data: { rename: { name: "Tom" } } }]);
  await client.dispose();
});

test("graphql-ws: what is not valid is refused with the errors of validation", async () => {
  await using stage = await openStage(shop);
  const client = clientOf(stage.url);
  await assert.rejects(
    resultsOf(client.iterate({ query: "{ nothing }" })),
    (errors: { message: string }[]) => {
      assert.match(errors[0]?.message ?? "", /Cannot query field "nothing"/);
      return true;
    },
  );
  await client.dispose();
});

test("urql: a subscription of a mocked schema", async () => {
  await using stage = await openStage(shop);
  const sockets = clientOf(stage.url);
  const client = new UrqlClient({
    url: stage.url,
    preferGetMethod: false,
    exchanges: [
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe: (sink) => ({
            unsubscribe: sockets.subscribe(
              { ...request, query: request.query ?? "" },
              // The two packages differ in whether a key may stand there with undefined.
              sink as Parameters<typeof sockets.subscribe>[1],
            ),
          }),
        }),
      }),
    ],
  });
  const seen: unknown[] = [];
  await new Promise<void>((resolve) => {
    client.subscription("subscription { ticks }", {}).subscribe(({ data }) => {
      seen.push(data?.ticks);
      if (seen.length === 3) resolve();
    });
  });
  assert.deepEqual(seen, [1, 2, 3]);
  await sockets.dispose();
});

test("the legacy protocol: start, data, complete, and a stop that ends a subscription", async () => {
  await using stage = await openStage(shop);
  await using socket = await openRaw(stage.url, ["graphql-ws"]);
  assert.equal(socket.protocol, "graphql-ws");
  socket.say(init, { id: "1", type: "start", payload: { query: "{ count }" } });
  assert.deepEqual(await socket.hear(), { type: "connection_ack" });
  assert.deepEqual(await socket.hear(), { id: "1", type: "data", payload: { data: { count: 7 } } });
  assert.deepEqual(await socket.hear(), { id: "1", type: "complete" });
  socket.say({ id: "2", type: "start", payload: { query: "{ nothing }" } });
  const refused = await socket.hear();
  assert.equal(refused.type, "error");
  assert.match(refused.payload.message, /Cannot query field/);
  socket.say({ id: "3", type: "start", payload: { query: 'subscription { prices(sku: "a") { amount } }' } });
  assert.equal((await socket.hear()).payload.data.prices.amount, 1);
  socket.say({ id: "3", type: "stop" }, { id: "4", type: "start", payload: { query: "{ count }" } });
  assert.equal((await socket.hear()).id, "4");
  socket.say({ type: "connection_terminate" });
  assert.equal((await socket.closed).code, 1000);
});

test("graphql-transport-ws: ping and pong, and a close for every breach that the protocol names", async () => {
  await using stage = await openStage(shop);
  const breach = async (...messages: readonly unknown[]) => {
    await using socket = await openRaw(stage.url, transportWs);
    socket.say(...messages);
    const { code, reason } = await socket.closed;
    return `${code} ${reason}`;
  };
  assert.equal(await breach(subscribe("1", "{ count }")), "4401 Unauthorized");
  assert.equal(await breach(init, init), "4429 Too many initialisation requests");
  assert.equal(await breach("nonsense"), "4400 expected a JSON object with a type");
  assert.equal(await breach({ type: "later" }), '4400 unknown type "later"');
  assert.equal(await breach(init, { type: "complete" }), "4400 complete: expected an id, a text");
  const endless = subscribe("é", 'subscription { prices(sku: "a") { amount } }');
  assert.equal(await breach(init, endless, endless), "4409 Subscriber for é already exists");
  await using socket = await openRaw(stage.url, ["other", ...transportWs]);
  socket.say(init, { type: "ping", payload: { at: 1 } }, { type: "pong" });
  assert.deepEqual(await socket.hear(), { type: "connection_ack" });
  assert.deepEqual(await socket.hear(), { type: "pong", payload: { at: 1 } });
  socket.say({ id: "1", type: "subscribe", payload: { query: 7 } });
  assert.deepEqual(await socket.hear(), {
    ...{ id: "1", type: "error" },
    payload: [{ message: '"query": expected a string, got a number' }],
  });
});

test("subscriptions are counted while they last", async () => {
  await using stage = await openStage(shop);
  await using socket = await openRaw(stage.url, transportWs);
  const active = () =>
    stage.events.reduce(
      (sum, event) =>
        event.kind === "graphql" && event.what.kind === "subscriptions" ? sum + event.what.change : sum,
      0,
    );
  socket.say(init, subscribe("1", 'subscription { prices(sku: "a") { amount } }'));
  await socket.hear();
  await socket.hear();
  assert.equal(active(), 1);
  socket.say({ id: "1", type: "complete" }, { type: "ping" });
  assert.equal((await socket.hear()).type, "pong");
  assert.equal(active(), 0);
});

const root = {
  me: { id: "1", name: "Ann", email: "ann@shop.test", plan: "FREE" },
  count: 41,
  async *ticks() {
    yield { ticks: 10 };
    yield { ticks: 11 };
  },
};

test("beside a real server: the operation that a rule names is answered here, all others go on", async () => {
  await using upstream = await openSocketServer(root);
  await using stage = await openStage(
    `
  - name: mine
    matches: [{path: /graphql, graphql: {operation: Mine}}]
    respond: {graphql: {data: {count: 1}}, delay: 1ms}
  - name: ticking
    matches: [{graphql: {operation: Ticking}}]
    respond: {graphql: {schema: shop.graphql, overrides: {Subscription.ticks: {events: [{value: 1}, {after: 1h, value: 2}]}}}}`,
    { upstream: upstream.address },
  );
  const client = clientOf(stage.url);
  assert.deepEqual(await resultsOf(client.iterate({ query: "query Mine { count }" })), [
    { data: { count: 1 } },
  ]);
  assert.deepEqual(await resultsOf(client.iterate({ query: "query Theirs { count }" })), [
    { data: { count: 41 } },
  ]);
  const theirs = await resultsOf(client.iterate({ query: "subscription { ticks }" }));
  assert.deepEqual(theirs, [{ data: { ticks: 10 } }, { data: { ticks: 11 } }]);
  const ticking = client.iterate({ query: "subscription Ticking { ticks }" });
  assert.deepEqual((await ticking.next()).value, { data: { ticks: 1 } });
  await ticking.return?.();
  await client.dispose();
  assert.deepEqual(upstream.asked, ["query Theirs { count }", "subscription { ticks }"]);
  assert.equal(upstream.completed.length, 2, "the server has not heard of what was answered here");
});

test("an id that is in use here is no id for the server either", async () => {
  await using upstream = await openSocketServer(root);
  await using stage = await openStage(
    `
  - name: ticking
    matches: [{graphql: {operation: T}}]
    respond: {graphql: {schema: shop.graphql, overrides: {Subscription.ticks: {events: [{after: 1h, value: 2}]}}}}`,
    { upstream: upstream.address },
  );
  await using socket = await openRaw(stage.url, transportWs);
  socket.say(init);
  await socket.hear();
  socket.say(subscribe("1", "subscription T { ticks }"), subscribe("1", "{ count }"));
  assert.equal((await socket.closed).code, 4409);
  assert.deepEqual(upstream.asked, []);
});

test("overlay: the server is asked without the field, and the results are merged, also where they are delayed", async () => {
  await using upstream = await openSocketServer(root);
  await using stage = await openStage(
    `
  - name: plan
    matches: [{graphql: {type: query}}]
    patch: {graphql: {me.plan: {value: ENTERPRISE, delay: 5ms}, me.email: {error: down}}}`,
    { upstream: upstream.address },
  );
  const client = clientOf(stage.url);
  const whole = await resultsOf(client.iterate({ query: "query A { me { name plan } count }" }));
  assert.deepEqual(whole, [{ data: { me: { name: "Ann", plan: "ENTERPRISE" }, count: 41 } }]);
  const untouched = await resultsOf(client.iterate({ query: "{ count }" }));
  assert.deepEqual(untouched, [{ data: { count: 41 } }]);
  const ticks = await resultsOf(client.iterate({ query: "subscription { ticks }" }));
  assert.equal(ticks.length, 2);
  await client.dispose();
  assert.deepEqual(
    upstream.asked.map((query) => query.replace(/\s+/g, " ")),
    ["query A { me { name } count }", "{ count }", "subscription { ticks }"],
  );
  const counted = stage.events.flatMap((event) =>
    event.kind === "graphql" && event.what.kind === "operation" ? [event.what.name] : [],
  );
  assert.deepEqual(counted, ["A", ""]);
});

test("overlay: where nothing is left to ask the server hears of nothing; limits refuse; a stop is not overtaken", async () => {
  await using upstream = await openSocketServer(root);
  await using stage = await openStage(
    `
  - name: all
    patch: {graphql: {count: {value: 5, delay: 5ms}, $limits: {depth: 2}}}`,
    { upstream: upstream.address },
  );
  await using socket = await openRaw(stage.url, transportWs);
  socket.say(init);
  await socket.hear();
  socket.say(subscribe("1", "{ count }"));
  assert.deepEqual(await socket.hear(), { id: "1", type: "next", payload: { data: { count: 5 } } });
  assert.deepEqual(await socket.hear(), { id: "1", type: "complete" });
  socket.say(subscribe("2", "{ me { friends { name } } }"));
  const refused = await socket.hear();
  assert.equal(`${refused.type} ${refused.id}`, "error 2");
  socket.say(subscribe("3", "{ count }"), { id: "3", type: "complete" }, subscribe("4", "{ me { name } }"));
  assert.equal((await socket.hear()).payload.data.me.name, "Ann");
  assert.equal((await socket.hear()).id, "4");
  assert.deepEqual(upstream.asked, ["{ me { name } }"]);
});

test("beside a real server: a subscription ends with its rule, by an error that the client hears, and may be asked again", async () => {
  await using upstream = await openSocketServer(root);
  const rules = `
  - name: ticking
    matches: [{graphql: {type: subscription}}]
    respond: {graphql: {schema: shop.graphql, overrides: {Subscription.ticks: {events: [{value: 1}, {after: 1h, value: 2}]}}}}`;
  await using stage = await openStage(rules, { upstream: upstream.address });
  const client = clientOf(stage.url);
  const ticking = client.iterate({ query: "subscription { ticks }" });
  assert.deepEqual((await ticking.next()).value, { data: { ticks: 1 } });
  stage.withdraw();
  await assert.rejects(Promise.resolve(ticking.next()), (errors: readonly { message: string }[]) => {
    assert.match(errors[0]?.message ?? "", /the rule that answered this operation is not in force any more/);
    return true;
  });
  const again = await resultsOf(client.iterate({ query: "subscription { ticks }" }));
  assert.deepEqual(again, [{ data: { ticks: 10 } }, { data: { ticks: 11 } }]);
  await client.dispose();
});

test("overlay: what was begun under a rule is completed when the rule is gone meanwhile, and its delay ends with it", async () => {
  let answer = (_: string) => undefined as unknown;
  const name = new Promise((resolve) => {
    answer = resolve;
  });
  await using upstream = await openSocketServer({ me: () => ({ name: () => name }), count: 41 });
  await using stage = await openStage(
    `
  - name: plan
    matches: [{graphql: {operation: A}}]
    patch: {graphql: {me.plan: PAID}}
  - name: late
    matches: [{graphql: {operation: B}}]
    patch: {graphql: {count: {value: 5, delay: 1h}}}`,
    { upstream: upstream.address },
  );
  await using socket = await openRaw(stage.url, transportWs);
  socket.say(init);
  await socket.hear();
  socket.say(subscribe("1", "query A { me { name plan } }"), subscribe("2", "query B { count }"));
  socket.say({ type: "ping" });
  assert.equal((await socket.hear()).type, "pong");
  stage.withdraw();
  assert.deepEqual(await socket.hear(), { id: "2", type: "next", payload: { data: { count: 5 } } });
  assert.deepEqual(await socket.hear(), { id: "2", type: "complete" });
  answer("Ann");
  const whole = { data: { me: { name: "Ann", plan: "PAID" } } };
  assert.deepEqual(await socket.hear(), { id: "1", type: "next", payload: whole });
  assert.deepEqual(await socket.hear(), { id: "1", type: "complete" });
  socket.say(subscribe("2", "query B { count }"));
  assert.deepEqual((await socket.hear()).payload, { data: { count: 41 } });
  assert.equal((await socket.hear()).type, "complete");
  assert.deepEqual(
    upstream.asked.map((query) => query.replace(/\s+/g, " ")),
    ["query A { me { name } }", "query B { count }"],
  );
});

test("the legacy protocol: a subscription that is answered beside a real server ends with its rule", async () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  const heard: string[] = [];
  server.on("connection", (socket) =>
    socket.on("message", (data) => {
      heard.push(JSON.parse(data.toString()).type);
      socket.send('{"type":"connection_ack"}');
    }),
  );
  await once(server, "listening");
  await using stage = await openStage(
    `
  - name: ticking
    matches: [{graphql: {type: subscription}}]
    respond: {graphql: {schema: shop.graphql, overrides: {Subscription.ticks: {events: [{value: 1}, {after: 1h, value: 2}]}}}}`,
    { upstream: { host: "127.0.0.1", port: (server.address() as AddressInfo).port } },
  );
  await using socket = await openRaw(stage.url, ["graphql-ws"]);
  socket.say(init);
  await socket.hear();
  socket.say({ id: "1", type: "start", payload: { query: "subscription { ticks }" } });
  assert.equal((await socket.hear()).type, "data");
  stage.withdraw();
  const { id, type, payload } = await socket.hear();
  assert.deepEqual([id, type], ["1", "error"]);
  assert.match(payload.message, /not in force any more/);
  assert.deepEqual(heard, ["connection_init"]);
  for (const client of server.clients) client.terminate();
  server.close();
});

test("raw: the server hears no word of what is answered here; a delayed result keeps its place before its end", async () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  const heard: string[] = [];
  server.on("connection", (socket) =>
    socket.on("message", (data) => {
      const { id, type } = JSON.parse(data.toString());
      heard.push(id === undefined ? type : `${type} ${id}`);
      if (type === "ping") return socket.send('{"type":"pong"}');
      if (type !== "subscribe") return;
      socket.send(JSON.stringify({ id, type: "next", payload: { data: { me: { name: "Ann" } } } }));
      socket.send(JSON.stringify({ id, type: "complete" }));
    }),
  );
  await once(server, "listening");
  await using stage = await openStage(
    `
  - name: mine
    matches: [{graphql: {type: subscription}}]
    respond: {graphql: {schema: shop.graphql, overrides: {Subscription.ticks: {events: [{value: 1}, {after: 1h, value: 2}]}}}}
  - name: slow
    matches: [{graphql: {operation: Slow}}]
    patch: {graphql: {me.plan: {value: PAID, delay: 300ms}}}`,
    { upstream: { host: "127.0.0.1", port: (server.address() as AddressInfo).port } },
  );
  await using socket = await openRaw(stage.url, transportWs);
  socket.say(subscribe("1", "subscription { ticks }"));
  assert.deepEqual((await socket.hear()).payload, { data: { ticks: 1 } });
  socket.say({ id: "1", type: "complete" }, subscribe("2", "query Slow { me { name plan } }"), {
    type: "ping",
  });
  const order: string[] = [];
  for (let i = 0; i < 3; i++) {
    const { type, payload } = await socket.hear();
    order.push(type);
    if (type === "next") assert.deepEqual(payload, { data: { me: { name: "Ann", plan: "PAID" } } });
  }
  assert.deepEqual(order, ["pong", "next", "complete"], "others do not wait for a delayed field");
  assert.deepEqual(heard.sort(), ["ping", "subscribe 2"]);
  for (const client of server.clients) client.terminate();
  server.close();
});
