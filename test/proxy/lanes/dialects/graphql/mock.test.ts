// Operations answered from a schema, over real sockets.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAudits } from "graphql-http";
import { createGraphqlSeries } from "../../../../../src/proxy/tap/graphql-series.ts";
import { openGraphqlServer, openStage } from "./stage.ts";

const mocked = `
  - name: shop
    respond: {graphql: {schema: shop.graphql}}
`;

test("graphql mock: passes every audit of graphql-http that says MUST or SHOULD", async () => {
  await using stage = await openStage(mocked, { files: { "shop.graphql": "type Query { hello: String }" } });
  const results = await Promise.all(serverAudits({ url: stage.url }).map((audit) => audit.fn()));
  const failed = results.filter((result) => result.status !== "ok");
  assert.deepEqual(
    failed.filter(({ name }) => /^(?:MUST|SHOULD)/.test(name)).map(({ name }) => name),
    [],
  );
  assert.ok(
    results.length >= 61 && results.filter(({ status }) => status === "ok").length >= 59,
    `${results.length}: ${failed.map(({ name }) => name)}`,
  );
});

test("graphql mock: values fit their types, and the same seed gives the same ones in any order", async () => {
  await using stage = await openStage(mocked);
  await using other = await openStage(
    "  - {name: other, respond: {graphql: {schema: shop.graphql, seed: 7}}}\n",
  );
  const first = await stage.ask("{ user(id: 7) { id name plan joined friends { name } } count }");
  const { user, count } = first.json.data;
  assert.equal(user.id, "7");
  assert.ok(["FREE", "PAID", "ENTERPRISE"].includes(user.plan) && Number.isInteger(count));
  assert.equal(user.friends.length, 2);
  const again = await stage.ask("{ count again: user(id: 7) { friends { name } joined plan name id } }");
  assert.deepEqual({ ...again.json.data.again }, { ...user });
  const seeded = await other.ask("{ count user(id: 7) { name } }");
  assert.notDeepEqual([seeded.json.data.count, seeded.json.data.user.name], [count, user.name]);
});

test("graphql mock: names that objects of JavaScript have are names like any other", async () => {
  const sdl =
    "scalar Constructor type Query { constructor: String toString: [Team!]! race: Team } type Team { constructor: Constructor valueOf: Int hasOwnProperty: String! }";
  await using stage = await openStage(mocked, { files: { "shop.graphql": sdl } });
  const { json } = await stage.ask(
    "{ constructor race { constructor } toString { constructor valueOf hasOwnProperty } __proto__: constructor }",
  );
  assert.equal(json.errors, undefined, JSON.stringify(json.errors));
  assert.match(json.data.constructor, /^constructor \d/);
  assert.match(json.data.race.constructor, /^constructor \d/);
  assert.equal(typeof json.data.toString[0].valueOf, "number");
});

test("graphql mock: every kind of resolver answers, and what it is given", async () => {
  await using stage = await openStage(`
  - name: shop
    respond:
      graphql:
        schema: shop.graphql
        overrides:
          User.name: Tom
          User.plan: {expression: 'args.size() == 0 && headers["x-vip"] == "yes" ? "ENTERPRISE" : "FREE"'}
          User.email: {template: "{{request.json.parent.id}}@{{request.host}}"}
          Query.count: {script: "return variables.a * 2"}
          Query.users: {length: 3}
          Query.me: {value: {id: "1", name: Ann}}
          Item.title: {error: {message: sold out, extensions: {code: GONE}}}
          Query.search: {value: [{__typename: Item, id: "5"}]}
          DateTime: "2026-01-01T00:00:00Z"
`);
  const query = `query ($a: Int = 4) {
    user(id: 9) { name plan email joined } count users(first: $a) { id } me { id name plan } search(text: "x") { __typename ... on Item { id title } }
  }`;
  const { status, json } = await stage.ask(query, { a: 21 }, { "x-vip": "yes" });
  assert.equal(status, 200);
  assert.ok(json.data, JSON.stringify(json));
  const host = "127.0.0.1";
  assert.deepEqual(json.data.user, {
    name: "Tom",
    plan: "ENTERPRISE",
    email: `9@${host}`,
    joined: "2026-01-01T00:00:00Z",
  });
  assert.equal(json.data.count, 42);
  assert.equal(json.data.users.length, 3);
  assert.deepEqual([json.data.me.id, json.data.me.plan], ["1", "ENTERPRISE"]);
  assert.deepEqual(json.data.search, [null], "a null in title rises to the item of the list");
  assert.deepEqual(json.errors[0].extensions, { code: "GONE" });
});

test("graphql mock: a mutation changes state that a later query reads", async () => {
  await using stage = await openStage(`
  - name: shop
    respond:
      graphql:
        schema: shop.graphql
        overrides:
          Mutation.rename: {remember: {name: args.name}}
          User.name: {expression: 'has(state.name) ? state.name : "nobody"'}
`);
  const name = async () => (await stage.ask("{ me { name } }")).json.data.me.name;
  assert.equal(await name(), "nobody");
  const renamed = await stage.ask('mutation { rename(name: "Kim") { name } }');
  assert.equal(renamed.json.data.rename.name, "Kim");
  assert.equal(await name(), "Kim");
});

test("graphql mock: a script that loops, fills the memory or looks for Node harms nobody", async () => {
  const script = (text: string, timeout = "10s") => `{script: "${text}", timeout: ${timeout}}`;
  await using stage = await openStage(`
  - name: shop
    respond:
      graphql:
        schema: shop.graphql
        overrides:
          User.name: ${script("for (;;) {}", "100ms")}
          User.email: ${script("return typeof process + typeof require + typeof globalThis.constructor.constructor")}
          User.joined: ${script("return this.constructor.constructor('return process')()")}
          Query.count: ${script("const all = []; for (;;) all.push(new Array(1e6).fill(all.length))", "5s")}
          Price.currency: ${script("return args.toString.constructor('return 1')()")}
`);
  const email = await stage.ask("{ me { email } }");
  assert.match(email.json.data.me.email ?? JSON.stringify(email.json), /^undefinedundefined/);
  for (const [query, reason] of [
    ["{ me { name } }", /did not end/],
    ["{ me { joined } }", /Cannot read|disallowed/],
    ['{ search(text: "a") { ... on Item { price { currency } } } }', /disallowed/],
    ["{ count }", /memory/],
  ] as const) {
    const { json } = await stage.ask(query);
    assert.match(json.errors?.[0]?.message ?? JSON.stringify(json), reason, query);
  }
  assert.match(
    (await stage.ask("{ me { email } }")).json.data.me.email,
    /^undefined/,
    "the next script runs",
  );
});

test("graphql mock: limits are refused with an error of a request that was never executed", async () => {
  await using stage = await openStage(`
  - name: shop
    respond: {graphql: {schema: shop.graphql, limits: {depth: 3, aliases: 1, complexity: 20, tokens: 60, batch: 2}}}
`);
  const accept = { accept: "application/graphql-response+json" };
  const codeOf = async (query: string, variables?: Record<string, unknown>) => {
    const { status, json } = await stage.ask(query, variables, accept);
    return [status, json.errors?.[0]?.extensions?.limit, "data" in json];
  };
  assert.deepEqual(await codeOf("{ me { friends { friends { name } } } }"), [400, "depth", false]);
  assert.deepEqual(await codeOf("{ a: count b: count }"), [400, "aliases", false]);
  assert.deepEqual(await codeOf("query ($n: Int) { users(first: $n) { id name } }", { n: 10 }), [
    400,
    "complexity",
    false,
  ]);
  assert.deepEqual(await codeOf("query ($n: Int) { users(first: $n) { id name } }", { n: 2 }), [
    200,
    undefined,
    true,
  ]);
  assert.deepEqual(await codeOf(`{ ${"count ".repeat(80)} }`), [400, "tokens", false]);
  const batch = await stage.post([1, 2, 3].map(() => ({ query: "{ count }" })));
  assert.equal(batch.json.errors[0].extensions.limit, "batch");
  const fine = await stage.post([1, 2].map(() => ({ query: "{ count }" })));
  assert.equal(fine.json.length, 2);
});

test("graphql mock: malformed requests and persisted queries are answered as servers answer them", async () => {
  await using stage = await openStage(mocked);
  assert.equal((await stage.post("{")).status, 400);
  assert.equal((await stage.post({ query: "{ nope }" })).status, 200);
  assert.match((await stage.ask("{ cuont }")).json.errors[0].message, /Did you mean "count"/);
  const query = "{ count }";
  const { createHash } = await import("node:crypto");
  const extensions = {
    persistedQuery: { version: 1, sha256Hash: createHash("sha256").update(query).digest("hex") },
  };
  const unknown = await stage.post({ extensions });
  assert.equal(unknown.json.errors[0].message, "PersistedQueryNotFound");
  assert.ok("count" in (await stage.post({ query, extensions })).json.data);
  assert.ok("count" in (await stage.post({ extensions })).json.data);
  const wrong = await stage.post({ query: "{ me { id } }", extensions });
  assert.match(wrong.json.errors[0].message, /sha/);
});

test("graphql mock: a subscription over server-sent events sends its script", async () => {
  await using stage = await openStage(`
  - name: shop
    respond:
      graphql:
        schema: shop.graphql
        overrides:
          Subscription.prices: {events: [{value: {amount: 1, currency: EUR}}, {after: 20ms, value: {amount: 2, currency: EUR}}]}
`);
  const body = JSON.stringify({ query: "subscription { prices(sku: 1) { amount } }" });
  const headers = { "content-type": "application/json", accept: "text/event-stream" };
  const reply = await fetch(stage.url, { method: "POST", headers, body });
  assert.match(reply.headers.get("content-type") ?? "", /event-stream/);
  const text = await reply.text();
  const amounts = [...text.matchAll(/"amount":(\d)/g)].map((found) => found[1]);
  assert.deepEqual(amounts, ["1", "2"]);
  assert.match(text, /event: complete/);
  const changes = stage.events.flatMap((event) =>
    event.kind === "graphql" && event.what.kind === "subscriptions" ? [event.what.change] : [],
  );
  assert.deepEqual(changes, [1, -1]);
});

test("graphql mock: a field is asked of another server, with its selections, variables and credentials", async () => {
  await using users = await openGraphqlServer({
    me: (_args: unknown, context: { headers: { authorization?: string } }) => ({
      id: "1",
      name: `asked as ${context.headers.authorization}`,
      friends: [{ __typename: "User", id: "2", name: "Bo" }],
    }),
    node: ({ id }: { id: string }) => ({ __typename: "User", id, email: "real@example.com" }),
    count: () => {
      throw new Error("broken there");
    },
  });
  const url = `http://127.0.0.1:${users.address.port}/graphql`;
  await using stage = await openStage(`
  - name: shop
    respond:
      graphql:
        schema: shop.graphql
        overrides:
          Query.me: {proxy: "${url}"}
          Query.node: {proxy: "${url}"}
          Query.count: {proxy: "${url}"}
          Query.users: {proxy: "http://127.0.0.1:1/graphql", timeout: 1s}
`);
  const query = `query ($id: ID!) {
    me { ...F friends { n: name } } node(id: $id) { id ... on User { mail: email } } search(text: "a") { __typename }
  } fragment F on User { id name }`;
  const { json } = await stage.ask(query, { id: "9" }, { authorization: "Bearer t" });
  assert.deepEqual(json.data.me, { id: "1", name: "asked as Bearer t", friends: [{ n: "Bo" }] });
  assert.deepEqual(json.data.node, { id: "9", mail: "real@example.com" });
  assert.equal(json.data.search.length, 2);
  const asked = users.asked.find((one) => one.query.includes("node"));
  assert.deepEqual(asked?.variables, { id: "9" });
  assert.doesNotMatch(asked?.query ?? "", /\bme\b|search/);
  assert.match((await stage.ask("{ count }")).json.errors[0].message, /broken there/);
  assert.match((await stage.ask("{ users { id } }")).json.errors[0].message, /127.0.0.1:1/);
});

test("graphql mock: metrics count operations by name, and names of clients are bounded", async () => {
  const series = createGraphqlSeries();
  for (let i = 0; i < 300; i++) {
    const what = { kind: "operation", name: `N${i}`, type: "query", complexity: 2, durationMs: 10 } as const;
    series.add({ kind: "graphql", rule: "r", what });
  }
  series.add({ kind: "graphql", rule: "r", what: { kind: "refused", errors: 3 } });
  series.add({ kind: "graphql", rule: "r", what: { kind: "subscriptions", change: 1 } });
  const families = new Map(series.families().map((family) => [family.name, family.samples()]));
  const operations = families.get("understudy_graphql_operations_total") ?? [];
  assert.equal(operations.length, 101);
  assert.equal(operations.find(({ labels }) => labels.operation === "other")?.value, 200);
  assert.equal(families.get("understudy_graphql_validation_errors_total")?.[0]?.value, 3);
  assert.equal(families.get("understudy_graphql_subscriptions_active")?.[0]?.value, 1);
  await using stage = await openStage(mocked);
  await stage.ask("query Named { users(first: 10) { id } }");
  const event = stage.events.find((one) => one.kind === "graphql");
  assert.partialDeepStrictEqual(event, {
    rule: "shop",
    what: { kind: "operation", name: "Named", complexity: 11 },
  });
});
