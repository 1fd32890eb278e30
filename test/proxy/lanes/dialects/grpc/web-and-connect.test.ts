// The rest of the family over HTTP/1 and HTTP/2: gRPC-Web in both modes, and Connect; mocked, aborted, patched and relayed.

import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import {
  connect,
  createServer as createServer2,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { createGrpcDialect } from "../../../../../src/proxy/lanes/dialects/grpc/dialect.ts";
import { openRig, type Rig } from "../../../../support/rig.ts";
import { rulesOf } from "./rules.ts";

const framed = (...bytes: readonly number[]) => Buffer.from([0, 0, 0, 0, bytes.length, ...bytes]);
/** GetRequest {sku: "a"} and Item {sku: "a"}. */
const sku = [0x0a, 1, 0x61];

const rules = rulesOf(`
- name: mocked
  matches: [{grpc: {service: shop.v1.Inventory, method: Get}, message: {equalToJson: {sku: a}, ignoreExtraElements: true}}]
  respond: {grpc: {message: {sku: m}, trailers: {x-t: "1"}}}
- name: aborted
  matches: [{grpc: {service: shop.v1.Inventory, method: Watch}}]
  fault: {abort: {grpcStatus: NOT_FOUND, message: gone}}
- name: patched
  matches: [{grpc: {service: shop.v1.Inventory, method: Talk}}]
  patch: {grpc: {request: {sku: p}, response: {sku: q}}}
- name: cut
  matches: [{grpc: {service: shop.v1.Inventory, method: Count}, metadata: {x-cut: status}}]
  fault: {grpc: {afterMessages: 1, abort: {grpcStatus: DATA_LOSS, message: lost}}}
- name: halved
  matches: [{grpc: {service: shop.v1.Inventory, method: Count}, metadata: {x-cut: half}}]
  fault: {grpc: {afterMessages: 1, halfMessage: true}}
- name: renamed
  matches: [{grpc: {service: shop.v1.Inventory, method: Count}}]
  patch: {grpc: {request: {include_price: null, amount: 2}, response: [{op: add, path: /in_stock, value: 9}]}}
`);

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

type Version = "HTTP/1" | "HTTP/2";

type Ask = (
  method: string,
  type: string,
  body: Uint8Array | string,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** Echoes what it gets, since both messages begin with their sku; metadata of compression too. */
function echo(seen: string[]): (request: Http2ServerRequest, response: Http2ServerResponse) => void {
  return (request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      seen.push(body.toString("latin1"));
      const coding = request.headers["grpc-encoding"];
      response.writeHead(Number(request.headers["x-status"] ?? 200), {
        "content-type": request.headers["content-type"] ?? "",
        "x-real": "1",
        ...(coding === undefined ? {} : { "grpc-encoding": coding }),
      });
      response.end(body);
    });
  };
}

/** Asks over one HTTP/2 connection with prior knowledge. */
function askHttp2(origin: string): { readonly ask: Ask; close(): void } {
  const session = connect(origin);
  const ask: Ask = (method, type, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const stream = session.request({
        ":method": "POST",
        ":path": `/shop.v1.Inventory/${method}`,
        "content-type": type,
        ...headers,
      });
      const parts: Buffer[] = [];
      const answer = { status: 0, headers: new Headers() };
      stream.on("response", (fields) => {
        answer.status = fields[":status"] ?? 0;
        for (const [name, value] of Object.entries(fields))
          if (!name.startsWith(":")) answer.headers.set(name, String(value));
      });
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => stream.rstCode === 0 && resolve({ ...answer, body: Buffer.concat(parts) }));
      stream.on("error", reject);
      stream.end(body);
    });
  return { ask, close: () => session.destroy() };
}

function askHttp1(origin: string): { readonly ask: Ask; close(): void } {
  const ask: Ask = async (method, type, body, headers = {}) => {
    const answer = await fetch(`${origin}/shop.v1.Inventory/${method}`, {
      method: "POST",
      headers: { "content-type": type, ...headers },
      body: typeof body === "string" ? body : new Uint8Array(body),
    });
    return {
      status: answer.status,
      headers: answer.headers,
      body: Buffer.from(await answer.arrayBuffer()),
    };
  };
  return { ask, close: () => undefined };
}

async function withUpstream(
  version: Version,
  work: (ask: Ask, seen: string[], rig: Rig) => Promise<void>,
): Promise<void> {
  const seen: string[] = [];
  // The parts of a request and a response that the echo uses are the same in both.
  const server =
    version === "HTTP/1" ? createServer(echo(seen) as unknown as RequestListener) : createServer2(echo(seen));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await using rig = await openRig({
    upstream: { host: "127.0.0.1", port },
    rules,
    dialects: [createGrpcDialect()],
  });
  const origin = `http://127.0.0.1:${rig.address.port}`;
  const client = version === "HTTP/1" ? askHttp1(origin) : askHttp2(origin);
  try {
    await work(client.ask, seen, rig);
  } finally {
    client.close();
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  }
}

/** The same over both versions of HTTP. */
function overBoth(name: string, work: (ask: Ask, seen: string[], rig: Rig) => Promise<void>): void {
  for (const version of ["HTTP/1", "HTTP/2"] as const)
    test(`${name}, over ${version}`, () => withUpstream(version, work));
}

const trailers = (text: string) =>
  Buffer.concat([Buffer.from([0x80, 0, 0, 0, text.length]), Buffer.from(text)]);
const mocked = Buffer.concat([framed(0x0a, 1, 0x6d), trailers("grpc-status: 0\r\nx-t: 1\r\n")]);

overBoth("grpc-web: mocked with its trailers in the body, in both modes", async (ask) => {
  const web = await ask("Get", "application/grpc-web+proto", framed(...sku));
  assert.equal(web.headers.get("content-type"), "application/grpc-web+proto");
  assert.deepEqual(web.body, mocked);
  const text = await ask("Get", "application/grpc-web-text", framed(...sku).toString("base64"));
  const pieces = text.body.toString().match(/[^=]+={0,2}/g) ?? [];
  assert.deepEqual(Buffer.concat(pieces.map((piece) => Buffer.from(piece, "base64"))), mocked);
});

overBoth("connect: unary in protobuf and in JSON, and a stream", async (ask) => {
  const proto = await ask("Get", "application/proto", Buffer.from(sku));
  assert.deepEqual([proto.status, proto.headers.get("trailer-x-t")], [200, "1"]);
  assert.deepEqual(proto.body, Buffer.from([0x0a, 1, 0x6d]));
  const json = await ask("Get", "application/json", '{"sku":"a"}', { "connect-protocol-version": "1" });
  assert.partialDeepStrictEqual(JSON.parse(json.body.toString()), { sku: "m" });
  const stream = await ask("Get", "application/connect+proto", framed(...sku));
  assert.deepEqual(stream.body.subarray(0, 8), framed(0x0a, 1, 0x6d));
  assert.equal(stream.body[8], 2);
  assert.deepEqual(JSON.parse(stream.body.subarray(13).toString()), { metadata: { "x-t": ["1"] } });
});

overBoth("grpc-web and connect: aborted in the words of each", async (ask) => {
  const web = await ask("Watch", "application/grpc-web", framed(...sku));
  assert.deepEqual(web.body, trailers("grpc-status: 5\r\ngrpc-message: gone\r\n"));
  const unary = await ask("Watch", "application/proto", Buffer.from(sku));
  assert.equal(unary.status, 404);
  assert.deepEqual(JSON.parse(unary.body.toString()), { code: "not_found", message: "gone" });
  const stream = await ask("Watch", "application/connect+json", framed(0x7b, 0x7d));
  assert.deepEqual(JSON.parse(stream.body.subarray(5).toString()), {
    error: { code: "not_found", message: "gone" },
  });
});

overBoth("grpc-web and connect: patched on the way, relayed where no rule claims", async (ask, seen) => {
  const web = await ask("Talk", "application/grpc-web", framed(...sku));
  assert.deepEqual(web.body, framed(0x0a, 1, 0x71));
  assert.equal(seen.at(-1), framed(0x0a, 1, 0x70).toString("latin1"));
  const unary = await ask("Talk", "application/proto", Buffer.from(sku));
  assert.deepEqual(unary.body, Buffer.from([0x0a, 1, 0x71]));
  const text = await ask("Talk", "application/grpc-web-text", framed(...sku).toString("base64"));
  assert.deepEqual(Buffer.from(text.body.toString(), "base64"), framed(0x0a, 1, 0x71));
  const relayed = await ask("Get", "application/grpc-web", framed(0x0a, 1, 0x7a));
  assert.deepEqual([relayed.headers.get("x-real"), relayed.body], ["1", framed(0x0a, 1, 0x7a)]);
});

/** Pieces of base64, each with its padding. */
const untext = (text: string) =>
  Buffer.concat((text.match(/[^=]+={0,2}/g) ?? []).map((piece) => Buffer.from(piece, "base64")));

overBoth("grpc-web text: cut after so many messages, with a status or inside the next", async (ask) => {
  const text = Buffer.concat([framed(...sku), framed(...sku)]).toString("base64");
  const cut = await ask("Count", "application/grpc-web-text", text, { "x-cut": "status" });
  assert.deepEqual(
    untext(cut.body.toString()),
    Buffer.concat([framed(...sku), trailers("grpc-status: 15\r\ngrpc-message: lost\r\n")]),
  );
  await assert.rejects(ask("Count", "application/grpc-web-text", text, { "x-cut": "half" }));
});

overBoth(
  "messages coded as JSON are patched by the names of JSON, whoever wrote the rule",
  async (ask, seen) => {
    const version = { "connect-protocol-version": "1" };
    const json = '{"sku":"a","includePrice":true,"unknown":1.50}';
    const unary = await ask("Count", "application/json", json, version);
    assert.equal(seen.at(-1), '{"sku":"a","unknown":1.50,"amount":2}');
    assert.equal(unary.body.toString(), '{"sku":"a","unknown":1.50,"amount":2,"inStock":9}');
    const stream = await ask("Count", "application/grpc-web+json", framed(...Buffer.from('{"sku":"a"}')));
    assert.deepEqual(JSON.parse(stream.body.subarray(5).toString()), { sku: "a", amount: 2, inStock: 9 });
  },
);

/** A compressed message in its envelope. */
function zipped(payload: Uint8Array): Buffer {
  const packed = gzipSync(payload);
  const prefix = Buffer.alloc(5);
  prefix[0] = 1;
  prefix.writeUInt32BE(packed.length, 1);
  return Buffer.concat([prefix, packed]);
}
const gzip = { "grpc-encoding": "gzip" };

for (const type of ["application/grpc", "application/grpc-web"])
  test(`gzip: compressed messages of ${type} are matched, and changed both ways`, () =>
    withUpstream(type === "application/grpc" ? "HTTP/2" : "HTTP/1", async (ask, seen) => {
      const matched = await ask("Get", type, zipped(Buffer.from(sku)), gzip);
      assert.deepEqual(matched.body.subarray(0, 8), framed(0x0a, 1, 0x6d));
      const patched = await ask("Talk", type, zipped(Buffer.from(sku)), gzip);
      assert.equal(
        seen.at(-1),
        framed(0x0a, 1, 0x70).toString("latin1"),
        "plain messages are always allowed",
      );
      assert.deepEqual(patched.body, framed(0x0a, 1, 0x71));
      const other = zipped(Buffer.from([0x0a, 1, 0x7a]));
      const relayed = await ask("Get", type, other, gzip);
      assert.deepEqual(relayed.body, other, "who is not claimed keeps its bytes");
    }));

overBoth(
  "gzip: a bomb is not unfolded: no rule claims it, and a patch lets it pass as it came",
  async (ask, seen, rig) => {
    const bomb = zipped(Buffer.concat([Buffer.from(sku), Buffer.alloc(200_000_000)]));
    assert.ok(bomb.length < 300_000);
    const before = process.memoryUsage().rss;
    for (const method of ["Get", "Talk"]) {
      const { headers, body } = await ask(method, "application/grpc-web", bomb, gzip);
      assert.deepEqual([headers.get("x-real"), body.equals(bomb)], ["1", true]);
      assert.equal(seen.at(-1)?.length, bomb.length);
    }
    assert.ok(process.memoryUsage().rss - before < 100_000_000, "its 200 MB were never there");
    const event = await rig.event((found) => found.kind === "call" && found.rule === "patched");
    assert.match(event.kind === "call" ? event.detail : "", /whose compression could not be undone/);
  },
);

overBoth("gzip: a message that says it is compressed and is not passes as it came", async (ask) => {
  const damaged = Buffer.concat([Buffer.from([1, 0, 0, 0, 3]), Buffer.from(sku)]);
  for (const method of ["Get", "Talk"])
    assert.deepEqual((await ask(method, "application/grpc-web", damaged, gzip)).body, damaged);
});

overBoth(
  "a reply that says with its status that it is no message is not patched",
  async (ask, _seen, rig) => {
    const version = { "connect-protocol-version": "1", "x-status": "404" };
    const error = '{"code":"not_found","message":"gone"}';
    const unary = await ask("Count", "application/json", error, version);
    assert.deepEqual(
      [unary.status, unary.body.toString()],
      [404, '{"code":"not_found","message":"gone","amount":2}'],
    );
    const event = await rig.event((found) => found.kind === "call" && found.rule === "renamed");
    assert.equal(event.kind === "call" ? event.detail : "", "");
  },
);

test("a Connect call by GET is not patched where its message stands, and that is told", () =>
  withUpstream("HTTP/1", async (_ask, _seen, rig) => {
    const query = "connect=v1&encoding=json&message=%7B%22sku%22%3A%22a%22%7D";
    await fetch(`http://127.0.0.1:${rig.address.port}/shop.v1.Inventory/Count?${query}`);
    const event = await rig.event((found) => found.kind === "call" && found.rule === "renamed");
    assert.match(event.kind === "call" ? event.detail : "", /its message stands in the query/);
  }));
