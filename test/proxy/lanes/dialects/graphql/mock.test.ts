// Operations answered from a schema, over real sockets.

import assert from "node:assert/strict";
import { test } from "node:test";
import { serverAudits } from "graphql-http";
import { openStage } from "./stage.ts";

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
