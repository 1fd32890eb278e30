// Fields of a real server's answer that a rule answers, over real sockets.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { openGraphqlServer, openStage } from "./stage.ts";

const user = (id: string) => ({
  __typename: "User",
  id,
  name: `name of ${id}`,
  email: `${id}@real.example`,
  plan: "FREE",
  friends: () => [user(`${id}a`), user(`${id}b`)],
});
const root = {
  me: () => user("1"),
  user: ({ id }: { id: string }) => user(id),
  users: () => [user("1"), user("2")],
  count: 42,
};

test("overlay: the server is not asked for what the rule answers, nor for what only that used", async () => {
  await using server = await openGraphqlServer(root);
  await using stage = await openStage(
    "  - {name: plan, matches: [{graphql: {operation: GetUser}}], patch: {graphql: {user.plan: ENTERPRISE, user.friends: []}}}\n",
    { upstream: server.address },
  );
  const query = `query GetUser($id: ID!, $deep: Boolean!) {
    user(id: $id) { n: name p: plan friends { ...F @include(if: $deep) } }
  } fragment F on User { email }`;
  const { json } = await stage.ask(query, { id: "7", deep: true });
  assert.deepEqual(json, { data: { user: { n: "name of 7", p: "ENTERPRISE", friends: [] } } });
  const [asked] = server.asked;
  assert.deepEqual(asked?.variables, { id: "7" });
  assert.doesNotMatch(asked?.query ?? "", /plan|friends|email|deep|fragment/);
  const other = await stage.ask("query Other { me { plan } }");
  assert.deepEqual(other.json, { data: { me: { plan: "FREE" } } });
});

test("overlay: by type, with the schema that the upstream tells, asked once", async () => {
  await using server = await openGraphqlServer(root);
  await using stage = await openStage(
    "  - {name: mail, patch: {graphql: {User.email: {error: {message: gone, extensions: {code: GONE}}}, User.plan: null}}}\n",
    { upstream: server.address },
  );
  const { json } = await stage.ask("{ me { id email friends { e: email } } count }");
  assert.deepEqual(json.data, {
    me: { id: "1", email: null, friends: [{ e: null }, { e: null }] },
    count: 42,
  });
  assert.deepEqual(
    json.errors.map((error: { path: unknown }) => error.path),
    [
      ["me", "email"],
      ["me", "friends", 0, "e"],
      ["me", "friends", 1, "e"],
    ],
  );
  assert.deepEqual(json.errors[0].extensions, { code: "GONE" });
  const risen = await stage.ask("{ users { id plan } count }");
  assert.equal(risen.json.data, null, "users are non-null, and so is their plan");
  assert.match(risen.json.errors[0].message, /non-nullable field User.plan/);
  assert.equal(server.introspections, 1);
});

test("overlay: nothing is asked where nothing is left to ask; a delayed field holds the answer back", async () => {
  await using server = await openGraphqlServer(root);
  await using stage = await openStage(
    "  - {name: all, patch: {graphql: {count: {value: 7, delay: 60ms}, me: {value: {name: Ann}}}}}\n",
    { upstream: server.address },
  );
  const before = performance.now();
  const { json, type } = await stage.ask("{ count me { name nick: name } }", undefined, {
    accept: "application/graphql-response+json",
  });
  assert.ok(performance.now() - before >= 55);
  assert.deepEqual(json, { data: { count: 7, me: { name: "Ann", nick: "Ann" } } });
  assert.match(type, /graphql-response/);
  assert.equal(server.asked.length, 0);
});

test("overlay: batches, GET and persisted queries go through it; limits refuse", async () => {
  await using server = await openGraphqlServer(root);
  await using stage = await openStage(
    "  - {name: some, patch: {graphql: {count: 7, me.plan: PAID, $limits: {depth: 2}}}}\n",
    { upstream: server.address },
  );
  const query = "{ me { id plan } }";
  const got = await fetch(`${stage.url}?key=1&query=${encodeURIComponent(query)}`);
  assert.deepEqual(await got.json(), { data: { me: { id: "1", plan: "PAID" } } });
  const deep = await stage.ask("{ me { friends { id } } }");
  assert.equal(deep.json.errors[0].extensions.limit, "depth");
  const batch = await stage.post([{ query: "{ count }" }, { query: "{ count again: count }" }]);
  assert.deepEqual(batch.json, [{ data: { count: 7 } }, { data: { count: 7, again: 7 } }]);
  const { createHash } = await import("node:crypto");
  const hash = {
    persistedQuery: { version: 1, sha256Hash: createHash("sha256").update(query).digest("hex") },
  };
  const full = await stage.post({ query, extensions: hash });
  const byHash = await stage.post({ extensions: hash });
  assert.deepEqual([full.json.data.me.plan, byHash.json.data.me.plan], ["PAID", "PAID"]);
});

test("overlay: what is deferred or streamed is asked for in one piece, where the rule concerns it", async () => {
  const heard: { accept: string | undefined; body: { query: string; variables?: object } }[] = [];
  const parts = '--- {"data":{}} -----';
  const server = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    const { accept } = request.headers;
    heard.push({ accept, body });
    const inParts = /multipart|event-stream/.test(accept ?? "");
    response.setHeader("content-type", inParts ? "multipart/mixed" : "application/json");
    response.end(inParts ? parts : '{"data":{"me":{"name":"Ann","friends":[{"name":"Bo"}]}}}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await using stage = await openStage(
    "  - {name: plan, matches: [{path: /graphql}], patch: {graphql: {me.plan: PAID}}}\n",
    { upstream: { host: "127.0.0.1", port } },
  );
  const query = `query ($slow: Boolean, $first: Int) {
    me { name ... @defer(if: $slow, label: "p") { plan } ...F friends @stream(initialCount: $first) { name } } }
    fragment F on User { ... @defer { name } }`;
  const variables = { slow: true, first: 1 };
  const accept = "multipart/mixed;deferSpec=20220824, application/json";
  const whole = await stage.ask(query, variables, { accept });
  const me = { name: "Ann", plan: "PAID", friends: [{ name: "Bo" }] };
  assert.deepEqual(whole.json, { data: { me } });
  await stage.ask(query, variables, { accept: "multipart/mixed" });
  assert.deepEqual(
    heard.map((call) => call.accept),
    ["application/json", "application/graphql-response+json, application/json"],
  );
  for (const { body } of heard) {
    assert.doesNotMatch(body.query, /defer|stream|slow|first|plan/);
    assert.equal(body.variables, undefined);
  }
  const post = (text: string, wanted: string) =>
    fetch(stage.url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: wanted },
      body: JSON.stringify({ query: text }),
    });
  const others = "{ me { name ... @defer { email } } }";
  assert.equal(await (await post(others, accept)).text(), parts);
  assert.equal(heard.at(-1)?.body.query, others);
  assert.equal(await (await post("{ me { plan } }", "text/event-stream")).text(), parts);
  assert.equal(heard.at(-1)?.body.query, "{ me { plan } }", "in parts, and so left alone");
  server.closeAllConnections();
  server.close();
});

test("overlay: what is no GraphQL answer, and what is no GraphQL, passes as it is", async () => {
  const plain = createServer((request, response) => {
    response.setHeader("content-type", request.url === "/html" ? "text/html" : "application/json");
    response.end(
      request.url === "/html" ? "<p>" : '{"big": 12345678901234567890, "data": {"id": 12345678901234567890}}',
    );
  });
  await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
  const address = plain.address();
  assert.ok(address !== null && typeof address === "object");
  await using stage = await openStage("  - {name: some, patch: {graphql: {count: 7}}}\n", {
    upstream: { host: "127.0.0.1", port: address.port },
  });
  const base = stage.url.replace("/graphql", "");
  const post = (path: string, body: string) =>
    fetch(base + path, { method: "POST", headers: { "content-type": "application/json" }, body });
  const html = await post("/html", '{"query":"{ count id }"}');
  assert.equal(await html.text(), "<p>");
  const other = await post("/x", '{"amount": 1}');
  assert.match(await other.text(), /"big": 12345678901234567890/);
  const exact = await post("/x", '{"query":"{ count id }"}');
  assert.equal(
    await exact.text(),
    '{"data":{"count":7,"id":12345678901234567890},"big":12345678901234567890}',
  );
  plain.close();
  plain.closeAllConnections();
});

test("overlay: errors of the server name places in the document that the client sent; operations are counted", async () => {
  const failing = {
    ...root,
    me: () => ({
      ...user("1"),
      email: () => {
        throw new Error("no mail");
      },
    }),
  };
  await using server = await openGraphqlServer(failing);
  await using stage = await openStage(
    "  - {name: plan, patch: {graphql: {me.plan: PAID, me.friends: [], $limits: {aliases: 3}}}}\n",
    { upstream: server.address },
  );
  const query =
    "query Q { me {\n friends { id }\n ...F } }\n\nfragment F on User { plan\n   name post: email }";
  const { json } = await stage.ask(query);
  assert.deepEqual(json.data, { me: { friends: [], plan: "PAID", name: "name of 1", post: null } });
  assert.deepEqual(json.errors, [
    { message: "no mail", locations: [{ line: 6, column: 9 }], path: ["me", "post"] },
  ]);
  await stage.ask("{ a: count b: count c: count d: count }");
  const told = stage.events.flatMap((event) => (event.kind === "graphql" ? [event.what] : []));
  assert.deepEqual(
    told.map((what) =>
      what.kind === "operation" ? `${what.type} ${what.name} ${what.complexity}` : what.kind,
    ),
    ["query Q 6", "refused"],
  );
});

test("overlay: a refusal of the server names places in the document that the client sent", async () => {
  await using server = await openGraphqlServer(root);
  await using stage = await openStage("  - {name: plan, patch: {graphql: {me.plan: PAID}}}\n", {
    upstream: server.address,
  });
  const { json } = await stage.ask("{\n  me { plan id }\n\n  me {\n    wrong } }");
  assert.match(json.errors[0].message, /Cannot query field "wrong"/);
  assert.deepEqual(json.errors[0].locations, [{ line: 5, column: 5 }]);
  assert.equal("data" in json, false);
});

test("overlay: a path leads through unions and interfaces, with and without a schema", async () => {
  const search = () => [user("1"), { __typename: "Item", id: "2", title: "Tea" }];
  await using server = await openGraphqlServer({ ...root, search, node: () => user("3") });
  const query =
    '{ search(text: "a") { __typename ... on User { name } ... on Item { title } } node(id: 3) { id ... on User { name } } }';
  for (const schema of ["", "$schema: shop.graphql, "]) {
    await using stage = await openStage(
      `  - {name: all, patch: {graphql: {${schema}search.title: Coffee, node.name: Bo}}}\n`,
      { upstream: server.address },
    );
    const { json } = await stage.ask(query);
    assert.deepEqual(json.data, {
      search: [
        { __typename: "User", name: "name of 1" },
        { __typename: "Item", title: "Coffee" },
      ],
      node: { id: "3", name: "Bo" },
    });
  }
  const mistaken = "  - {name: all, patch: {graphql: {$schema: shop.graphql, search.titel: x}}}\n";
  await assert.rejects(
    openStage(mistaken),
    /search\.titel: expected a field of Hit, got "titel", did you mean "title"\?/,
  );
});

test("overlay: names that objects of JavaScript have are names like any other", async () => {
  await using server = await openGraphqlServer(root);
  await using stage = await openStage(
    "  - {name: odd, patch: {graphql: {me: {value: {name: Ann, plan: FREE}}, toString: x}}}\n",
    { upstream: server.address },
  );
  const reply = await fetch(stage.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: "{ me { __proto__: name constructor: plan toString: missing } count }" }),
  });
  assert.equal(
    await reply.text(),
    '{"data":{"me":{"__proto__":"Ann","constructor":"FREE","toString":null},"count":42}}',
  );
});
