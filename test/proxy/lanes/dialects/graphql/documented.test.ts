// The examples of docs/graphql.md are rules that load, and do what the page says.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { openRaw, openSocketServer } from "./sockets.ts";
import { openGraphqlServer, openStage, shopSdl } from "./stage.ts";

const page = readFileSync(new URL("../../../../../docs/graphql.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/```yaml\nrules:\n([\s\S]*?)```/g)].map((found) => found[1] ?? "");
const files = {
  "shop.graphql": shopSdl
    .replace("email: String", "email: String address: Address")
    .concat("type Address { city: String street: String }"),
};

test("docs/graphql.md: an operation is answered, a type is refused", async () => {
  await using server = await openGraphqlServer({ count: 3 });
  await using stage = await openStage(examples[0] ?? "", { files, upstream: server.address });
  const named = await stage.ask("query GetUser($id: ID!) { user(id: $id) { name } }", { id: "7" });
  assert.deepEqual(named.json, { data: { user: { name: "Tom" } } });
  const mail = await stage.ask("{ me { email } }");
  assert.equal(mail.json.errors[0].extensions.code, "GONE");
  assert.deepEqual((await stage.ask("{ count }")).json, { data: { count: 3 } });
});

test("docs/graphql.md: fields of a real answer", async () => {
  await using server = await openGraphqlServer({ user: { id: "1", plan: "FREE", name: "Ann", friends: [] } });
  await using stage = await openStage(examples[1] ?? "", { files, upstream: server.address });
  const one = await stage.ask("query GetUser { user(id: 1) { name plan friends { id } } }");
  assert.deepEqual(one.json, { data: { user: { name: "Ann", plan: "ENTERPRISE", friends: [] } } });
  const two = await stage.ask("{ user(id: 1) { name email address { city street } } }");
  assert.deepEqual(two.json.data, {
    user: { name: "Ann", email: null, address: { city: "Bern", street: null } },
  });
  assert.equal(two.json.errors[0].extensions.code, "UNAVAILABLE");
});

test("docs/graphql.md: a whole server from a schema", async () => {
  await using stage = await openStage(examples[2] ?? "", { files });
  const { json } = await stage.ask("{ users { plan name joined } count user(id: 7) { id email } }");
  assert.deepEqual(
    json.data.users,
    Array(5).fill({ plan: "FREE", name: "Tom", joined: "2026-01-01T00:00:00Z" }),
  );
  assert.equal(json.data.user.email, "7@127.0.0.1");
  assert.ok(json.data.count > 2);
});

test("docs/graphql.md: over WebSockets", async () => {
  await using server = await openSocketServer({ me: { id: "1", name: "Ann", plan: "FREE" }, count: 3 });
  await using stage = await openStage(examples[3] ?? "", { files, upstream: server.address });
  await using socket = await openRaw(stage.url, ["graphql-transport-ws"]);
  const subscribe = (id: string, query: string) => ({ id, type: "subscribe", payload: { query } });
  socket.say({ type: "connection_init" });
  await socket.hear();
  socket.say(subscribe("1", "subscription LivePrices { prices(sku: 1) { amount } }"));
  assert.deepEqual((await socket.hear()).payload, { data: { prices: { amount: 10 } } });
  socket.say(subscribe("2", "{ me { name plan } }"));
  assert.deepEqual((await socket.hear()).payload, { data: { me: { name: "Ann", plan: "ENTERPRISE" } } });
  assert.deepEqual(server.asked.length, 1);
});

test("docs/graphql.md: a whole server over a WebSocket", async () => {
  await using stage = await openStage((examples[3] ?? "").replace("host: shop.test, ", ""), { files });
  await using socket = await openRaw(stage.url, ["graphql-transport-ws"]);
  socket.say(
    { type: "connection_init" },
    { id: "1", type: "subscribe", payload: { query: "{ me { plan } count }" } },
  );
  assert.equal((await socket.hear()).type, "connection_ack");
  const { payload } = await socket.hear();
  assert.equal(payload.data.me.plan, "ENTERPRISE", "rules on operations act before the mocked server too");
  assert.equal(typeof payload.data.count, "number");
});
