// Limits in front of a real server: what goes beyond them is refused as GraphQL says, and never reaches it.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { WebSocket } from "ws";
import { openSocketServer } from "./sockets.ts";
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

test("guards: what cannot be looked into is refused where the rule names the path, and passes elsewhere", async () => {
  await using server = await openGraphqlServer(root);
  await using stage = await openStage(
    `${guarded}  - {name: anywhere, patch: {graphql: {$limits: ${limits}}}}\n`,
    { upstream: server.address },
  );
  const padded = JSON.stringify({ query: "{ count }", padding: "x".repeat(1_100_000) });
  const large = await stage.post(padded, accept);
  assert.equal(large.status, 413);
  assert.match(large.json.errors[0].message, /cannot be held to its limits: its body is larger than 1048576/);
  assert.equal(large.json.errors[0].extensions.code, "LIMIT_EXCEEDED");
  const coded = await stage.post('{"query":"{ count }"}', { ...accept, "content-encoding": "x-own" });
  assert.equal(coded.status, 413);
  assert.match(coded.json.errors[0].message, /content-encoding x-own/);
  assert.equal(server.asked.length, 0);
  const elsewhere = await fetch(stage.url.replace("/graphql", "/upload"), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: padded,
  });
  assert.deepEqual(await elsewhere.json(), { data: { count: 42 } });
});

test("guards: a hash whose document is not known is answered so that the client sends the document", async () => {
  await using server = await openGraphqlServer(root);
  await using stage = await openStage(guarded, { upstream: server.address });
  const ask = async (query: string) => {
    const sha256Hash = createHash("sha256").update(query).digest("hex");
    const extensions = { persistedQuery: { version: 1, sha256Hash } };
    const first = await stage.post({ extensions }, accept);
    assert.equal(first.json.errors[0].message, "PersistedQueryNotFound");
    assert.equal(first.status, 200);
    return (await stage.post({ query, extensions }, accept)).json;
  };
  assert.deepEqual(await ask("{ count }"), { data: { count: 42 } });
  assert.equal((await ask(nested(5))).errors[0].extensions.limit, "depth");
  assert.equal(server.asked.length, 1);
});

for (const perMessageDeflate of [false, true])
  test(`guards: a WebSocket whose message is too large to be read is closed, ${perMessageDeflate ? "" : "not "}compressed`, async () => {
    await using upstream = await openSocketServer(root);
    await using stage = await openStage(guarded, { upstream: upstream.address });
    const socket = new WebSocket(stage.url.replace("http:", "ws:"), ["graphql-transport-ws"], {
      perMessageDeflate,
    });
    await once(socket, "open");
    const query = `{ count } # ${randomBytes(900_000).toString("hex")}`;
    socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query } }));
    const [code, reason] = await once(socket, "close");
    assert.equal(`${code} ${reason}`, "1009 an operation that is too large to be held to its limits");
    assert.deepEqual(upstream.asked, []);
  });
