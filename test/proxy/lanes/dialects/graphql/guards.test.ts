// Limits in front of a real server: what goes beyond them is refused as GraphQL says, and never reaches it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openGraphqlServer, openStage } from "./stage.ts";

const limits = "{depth: 4, complexity: 40, aliases: 2, tokens: 80, batch: 2}";
const guarded = `  - {name: guarded, matches: [{path: /graphql}], patch: {graphql: {$limits: ${limits}}}}\n`;
const root = { me: { id: "1", name: "Ann" }, count: 42, users: [] };
const accept = { accept: "application/graphql-response+json" };

const nested = (depth: number) => `{ me ${"{ friends ".repeat(depth)}{ id }${" }".repeat(depth)} }`;

const beyond = [
  ["depth", nested(4)],
  ["depth", "{ me { ...F } } fragment F on User { friends { friends { friends { id } } } }"],
  ["aliases", "{ a: count b: count c: count }"],
  ["complexity", "{ users(first: 50) { id } }"],
  ["tokens", `{ ${"count ".repeat(100)} }`],
] as const;

test("guards: every limit is refused with an error of a request that did not run, and the server hears nothing", async () => {
  await using server = await openGraphqlServer(root);
  await using stage = await openStage(guarded, { upstream: server.address });
  for (const [limit, query] of beyond) {
    const { status, type, json } = await stage.ask(query, undefined, accept);
    assert.equal(status, 400, query);
    assert.match(type, /^application\/graphql-response\+json/);
    assert.equal("data" in json, false, query);
    assert.partialDeepStrictEqual(json.errors[0].extensions, { code: "LIMIT_EXCEEDED", limit });
    assert.match(json.errors[0].message, new RegExp(`limit of ${limit}: at most \\d+, got \\d+`));
  }
  const batch = await stage.post([1, 2, 3].map(() => ({ query: "{ count }" })));
  assert.equal(batch.json.errors[0].extensions.limit, "batch");
  assert.equal(server.asked.length, 0);
  assert.deepEqual((await stage.ask("{ me { name } }")).json, { data: { me: { name: "Ann" } } });
});

test("guards: what is too much to be read at all is refused too, and passes where nothing is limited", async () => {
  await using server = await openGraphqlServer(root);
  await using stage = await openStage(
    `${guarded}  - {name: open, matches: [{path: /open}], patch: {graphql: {me.plan: PAID}}}\n`,
    { upstream: server.address },
  );
  for (const [query, reason] of [
    [`{ ${"count ".repeat(60_000)} }`, /50000 tokens/],
    [nested(20_000), /nested too deeply|tokens/],
  ] as const) {
    const { json } = await stage.ask(query, undefined, accept);
    assert.match(json.errors[0].message, reason);
    assert.equal("data" in json, false);
  }
  assert.equal(server.asked.length, 0);
  const open = await fetch(stage.url.replace("/graphql", "/open"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: `{ ${"count ".repeat(60_000)} }` }),
  });
  await open.text();
  assert.equal(server.asked.length, 1, "the server's own to judge");
});

test("guards: an empty name of the operation does not get around them", async () => {
  await using server = await openGraphqlServer(root);
  await using stage = await openStage(guarded, { upstream: server.address });
  const { json } = await stage.post({ query: nested(4), operationName: "" }, accept);
  assert.equal(json.errors[0].extensions.limit, "depth");
  assert.equal(server.asked.length, 0);
});
