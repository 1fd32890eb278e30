// Documents that are broken, hostile or huge: each gets an answer in JSON, and the next one is served.

import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../../../src/core/random.ts";
import { openGraphqlServer, openStage } from "./stage.ts";

const rules = `
  - name: overlaid
    matches: [{path: /overlay, graphql: {depth: {greaterThan: 0}, field: me}}]
    patch: {graphql: {me.plan: PAID}}
  - name: shop
    respond: {graphql: {schema: shop.graphql, limits: {depth: 50}}}
`;

const nested = (depth: number) => `{ me ${"{ friends ".repeat(depth)}{ id }${" }".repeat(depth)} }`;

test("malformed documents: mutations of a good one are answered, with data or with errors", async () => {
  await using stage = await openStage(rules);
  const good =
    "query Q($id: ID! = 3) { user(id: $id) { ...F name } } fragment F on User { friends { id @include(if: true) } }";
  const random = seededRandom(4);
  const pieces = [
    "{",
    "}",
    "...",
    "$",
    "@",
    '"',
    "#",
    "\u0000",
    "\\u{",
    "fragment F on User",
    "(",
    ")",
    "null",
    "𝒳",
  ];
  for (let i = 0; i < 150; i++) {
    const at = random.uint32() % good.length;
    const piece = pieces[random.uint32() % pieces.length] ?? "";
    const query = good.slice(0, at) + piece + good.slice(at + (random.uint32() % 5));
    const { status, json } = await stage.ask(query);
    assert.equal(status, 200, query);
    assert.ok(json.data ?? json.errors?.length > 0, query);
  }
});

test("malformed documents: depth without end, fragments in a circle and fragments that multiply", async () => {
  await using server = await openGraphqlServer({ me: { id: "1", plan: "FREE" } });
  await using stage = await openStage(rules, { upstream: server.address });
  const doubling = Array.from(
    { length: 60 },
    (_, i) => `fragment F${i} on User { ...F${i + 1} ...F${i + 1} }`,
  ).join(" ");
  const hostile = [
    nested(3_000),
    nested(15_000),
    "{ me { ...A } } fragment A on User { ...B } fragment B on User { ...A }",
    `{ me { ...F0 } } ${doubling} fragment F60 on User { plan }`,
    `{ ${"count ".repeat(60_000)} }`,
  ];
  for (const query of hostile) {
    const { json } = await stage.ask(query);
    assert.ok(json.errors?.length > 0 || json.data, query.slice(0, 60));
    const overlaid = await fetch(stage.url.replace("/graphql", "/overlay"), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "{ me { id plan } }" }),
    });
    assert.deepEqual(await overlaid.json(), { data: { me: { id: "1", plan: "PAID" } } });
  }
});
