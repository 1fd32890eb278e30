// The same rules over HTTP/2, over opened HTTPS, and over a WebSocket inside an HTTP/2 stream.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect, createServer, type OutgoingHttpHeaders } from "node:http2";
import { type RequestOptions, request } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { buildSchema } from "graphql";
import { createHandler } from "graphql-http/lib/use/http";
import { createHandler as createHttp2Handler } from "graphql-http/lib/use/http2";
import { framesIn, masked } from "../../../../conformance/websocket-frames.ts";
import { openSecureOrigin, testAuthority } from "../../../../support/https.ts";
import { openStage, shopSdl } from "./stage.ts";

const rules = `
  - name: mocked
    matches: [{host: shop.test, graphql: {operation: Mocked}}]
    respond: {graphql: {schema: shop.graphql, overrides: {Query.count: 7}}}
  - name: overlaid
    matches: [{host: shop.test, path: /graphql}]
    patch: {graphql: {me.plan: PAID, User.email: {error: down}}}
`;
const schema = buildSchema(shopSdl);
const rootValue = { me: { id: "1", name: "Ann", email: "ann@shop.test", plan: "FREE" }, count: 41 };

interface Said {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what the tests look into is JSON of any shape
  readonly json: any;
}

async function overHttp2(
  session: ClientHttp2Session,
  head: OutgoingHttpHeaders,
  body: unknown = null,
): Promise<Said> {
  const stream = session.request({ ":authority": "shop.test", ":path": "/graphql", ...head });
  stream.end(body === null ? undefined : JSON.stringify(body));
  const [headers] = await once(stream, "response");
  let text = "";
  for await (const chunk of stream) text += chunk;
  return { status: headers[":status"], json: JSON.parse(text) };
}

const post = { ":method": "POST", "content-type": "application/json" };

async function bothKinds(ask: (body: unknown) => Promise<Said>, asked: readonly string[]): Promise<void> {
  const mocked = await ask({ query: "query Mocked { count }" });
  assert.deepEqual(mocked, { status: 200, json: { data: { count: 7 } } });
  const { json } = await ask({ query: "query Real { me { name plan email } count }" });
  assert.deepEqual(json.data, { me: { name: "Ann", plan: "PAID", email: null }, count: 41 });
  assert.deepEqual(json.errors[0].path, ["me", "email"]);
  assert.equal(asked.length, 1);
  assert.doesNotMatch(asked[0] ?? "", /plan|email/);
}

const told =
  (asked: string[]) =>
  (_request: unknown, { operationName, query }: { operationName?: unknown; query: string }) => {
    if (operationName !== "IntrospectionQuery") asked.push(query);
  };

test("HTTP/2: POST and GET are mocked, overlaid and relayed", async () => {
  const asked: string[] = [];
  // Asked over HTTP/1 for its schema: requests of our own speak that.
  const handler = createHttp2Handler({ schema, rootValue, onSubscribe: told(asked) });
  const server = createServer((incoming, response) => void handler(incoming, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await using stage = await openStage(
    rules.replace("patch: {graphql: {", "patch: {graphql: {$schema: shop.graphql, "),
    {
      upstream: { host: "127.0.0.1", port },
    },
  );
  const session = connect(`http://127.0.0.1:${stage.rig.address.port}`);
  try {
    await bothKinds((body) => overHttp2(session, post, body), asked);
    const path = `/graphql?query=${encodeURIComponent("query Mocked { count }")}`;
    assert.deepEqual((await overHttp2(session, { ":method": "GET", ":path": path })).json, {
      data: { count: 7 },
    });
  } finally {
    session.close();
    server.close();
  }
});

test("opened HTTPS: mocked and overlaid, the schema asked of the server itself", async () => {
  const [ours, theirs] = await Promise.all([testAuthority("ours"), testAuthority("theirs")]);
  const asked: string[] = [];
  const handler = createHandler({ schema, rootValue, onSubscribe: told(asked) });
  await using origin = await openSecureOrigin(
    theirs,
    "shop.test",
    (incoming, response) => void handler(incoming, response),
  );
  await using stage = await openStage(rules, {
    upstream: { host: "127.0.0.1", port: origin.port },
    tls: { authority: ours, extraRoots: [theirs.trust] },
  });
  const { port } = stage.rig.address;
  const options: RequestOptions = {
    ...{ host: "127.0.0.1", port, servername: "shop.test", ca: ours.trust, agent: false },
    ...{ method: "POST", path: "/graphql" },
    headers: { host: "shop.test", "content-type": "application/json" },
  };
  await bothKinds(async (body) => {
    const sent = request(options).end(JSON.stringify(body));
    const [response] = await once(sent, "response");
    let text = "";
    for await (const chunk of response) text += chunk;
    return { status: response.statusCode, json: JSON.parse(text) };
  }, asked);
});

test("a WebSocket inside an HTTP/2 stream: a mocked schema answers", async () => {
  await using stage = await openStage(
    "  - {name: shop, respond: {graphql: {schema: shop.graphql, overrides: {Query.count: 7}}}}\n",
  );
  const session = connect(`http://127.0.0.1:${stage.rig.address.port}`);
  try {
    const stream = session.request(
      {
        ...{ ":method": "CONNECT", ":protocol": "websocket", ":path": "/graphql" },
        ...{ "sec-websocket-version": "13", "sec-websocket-protocol": "graphql-transport-ws" },
      },
      { endStream: false },
    );
    const [headers] = await once(stream, "response");
    assert.deepEqual([headers[":status"], headers["sec-websocket-protocol"]], [200, "graphql-transport-ws"]);
    const say = (message: unknown) => stream.write(masked({ payload: JSON.stringify(message) }));
    say({ type: "connection_init" });
    say({ id: "1", type: "subscribe", payload: { query: "{ count }" } });
    let bytes = Buffer.alloc(0);
    for await (const chunk of stream) {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.toString("latin1").endsWith('"complete"}')) break;
    }
    assert.deepEqual(
      framesIn(bytes).map(({ payload }) => JSON.parse(payload.toString())),
      [
        { type: "connection_ack" },
        { id: "1", type: "next", payload: { data: { count: 7 } } },
        { id: "1", type: "complete" },
      ],
    );
  } finally {
    session.destroy();
  }
});
