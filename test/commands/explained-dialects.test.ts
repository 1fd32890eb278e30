// `understudy rules explain` of gRPC, GraphQL and WebSockets, typed as a person types it.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { explainIn } from "./explained.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-dialects-"));
after(() => rmSync(folder, { recursive: true }));

const protos = join(import.meta.dirname, "..", "support", "protos");
const rules = `rules:
  - name: tom
    matches:
      - grpc: {service: shop.v1.Inventory, method: Get}
        message: {equalToJson: {sku: tom}}
    respond: {grpc: {message: {sku: tom}}}
  - name: user
    matches:
      - path: /graphql
        graphql: {operation: GetUser, type: query, field: user}
    respond: {graphql: {data: {user: null}}}
  - name: bytes
    matches: [{websocket: {path: /chat}, message: {binaryPrefix: AAE=}}]
    fault: {websocket: {cut: true}}
`;
writeFileSync(join(folder, "described.yaml"), `version: 1\ndescriptors: ${protos}\n${rules}`);
writeFileSync(join(folder, "bare.yaml"), `version: 1\n${rules}`);
const message = Buffer.from("\n\x03tom"); // sku: tom
const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
writeFileSync(join(folder, "message.bin"), message);
writeFileSync(join(folder, "frame.bin"), frame);
writeFileSync(join(folder, "message.json"), '{"sku": "tom"}');
writeFileSync(join(folder, "binary.bin"), Buffer.from([0, 1, 255]));

const explain = (...args: readonly string[]) => explainIn(folder, args);
const get = ["--request", "grpc://shop/shop.v1.Inventory/Get"];
const post = ["--request", "POST http://shop/shop.v1.Inventory/Get"];
const typed = (type: string) => [...post, "-H", `content-type: ${type}`];
const tom = ["-d", '{"sku": "tom"}'];
const whole = '{"sku":"tom","amount":0,"includePrice":false,"tenant":""}';

test("explain: a gRPC call is told by its URL, its content type, or the rules that know its method", async () => {
  const calls: readonly (readonly [asked: readonly string[], flavour: string])[] = [
    [[...get, ...tom], "gRPC"],
    [[...typed("application/grpc"), ...tom], "gRPC"],
    [["--request", "http://shop/shop.v1.Inventory/Get", ...tom], "gRPC"],
    [[...typed("application/grpc+json"), ...tom], "gRPC"],
    [[...typed("application/grpc-web+proto"), ...tom], "gRPC-Web"],
    [[...typed("application/grpc-web-text"), ...tom], "gRPC-Web"],
    [[...typed("application/proto"), ...tom], "Connect"],
    [[...typed("application/connect+proto"), ...tom], "Connect"],
    [[...typed("application/json"), "-H", "connect-protocol-version: 1", ...tom], "Connect"],
  ];
  for (const [asked, flavour] of calls) {
    const { code, out } = await explain("described.yaml", ...asked);
    const [understood, claimed] = out.split("\n");
    assert.ok(
      understood?.startsWith(`Understood as a ${flavour} call of shop.v1.Inventory/Get with {"sku":`),
      out,
    );
    assert.equal(claimed, "tom (described.yaml:4) claims it: matches[0] holds");
    assert.equal(code, 0);
  }
});

test("explain: a gRPC message from a file is JSON, a message, or a message in its frame", async () => {
  for (const file of ["message.json", "message.bin", "frame.bin"]) {
    const { out } = await explain("described.yaml", ...get, "-d", `@${file}`);
    assert.match(out, /^tom \(/m, file);
    assert.ok(out.startsWith(`Understood as a gRPC call of shop.v1.Inventory/Get with ${whole}\n`), out);
  }
  const without = await explain("described.yaml", ...get);
  assert.match(without.out, /^Understood as a gRPC call of shop\.v1\.Inventory\/Get without a message\n/);
  assert.equal(without.code, 1);
});

test("explain: a gRPC message that does not fit its type is told by the field", async () => {
  const rows: readonly (readonly [data: string, expected: RegExp])[] = [
    ['{"skuu": "tom"}', /--data: skuu: unknown field "skuu" of shop\.v1\.GetRequest, did you mean "sku"\?$/],
    ['{"amount": "many"}', /--data: amount: expected a whole number/],
    [
      "tom",
      /--data: expected a message as JSON, or its bytes with the five before them; it is neither, nor a shop/,
    ],
  ];
  for (const [data, message] of rows)
    await assert.rejects(explain("described.yaml", ...get, "-d", data), { code: "usage", message });
});

test("explain: without a description, JSON is compared as it was written, and bytes are not looked into", async () => {
  const plain = await explain("bare.yaml", ...get, ...tom);
  assert.match(
    plain.out,
    /with \{"sku":"tom"\}, compared as written: no rule names "descriptors"\ntom \(bare/,
  );
  for (const type of ["application/proto", "application/connect+proto", "application/grpc-web-text"]) {
    assert.match(
      (await explain("bare.yaml", ...typed(type), ...tom)).out,
      /compared as written.*\ntom \(bare/,
      type,
    );
  }
  const bytes = await explain("bare.yaml", ...get, "-d", "@frame.bin");
  assert.match(bytes.out, /with a message of 5 bytes that cannot be read\nNo rule claims it/);
  const unknown = await explain("described.yaml", "--request", "grpc://shop/shop.v1.Inventory/Gett", ...tom);
  assert.match(
    unknown.out,
    /compared as written: unknown method of shop\.v1\.Inventory "Gett", did you mean "Get"\?\n/,
  );
  await assert.rejects(explain("bare.yaml", ...get, "-d", "@message.bin"), {
    code: "usage",
    message:
      /--data: expected a message as JSON, or its bytes with the five before them: no rule names "descriptors"$/,
  });
});

test("explain: a GraphQL document alone is posted as JSON, and JSON is said to be JSON", async () => {
  const asked = ["described.yaml", "--request", "http://shop/graphql", "-d"];
  const document = "query GetUser { user { id } }";
  const alone = await explain(...asked, document);
  assert.match(alone.out, /^Understood as a GraphQL document, posted as JSON: \{"query":"query GetUser/);
  assert.match(alone.out, /^user \(/m);
  const posted = await explain(...asked, JSON.stringify({ query: document }), "--json");
  assert.deepEqual(JSON.parse(posted.out).understood, [
    "content-type: application/json, since the body is JSON and no other is given",
  ]);
  assert.equal(posted.code, 0);
  const form = await explain(...asked, document, "-H", "content-type: text/plain");
  assert.match(form.out, /^No rule claims it/);
  const text = await explain(...asked, "query what is this");
  assert.match(text.out, /^No rule claims it/);
});

test("explain: a binary message of a WebSocket comes from a file", async () => {
  const asked = ["described.yaml", "--request", "wss://shop/chat"];
  const binary = await explain(...asked, "-m", "@binary.bin");
  assert.match(binary.out, /this message: it would act on it/);
  const text = await explain(...asked, "-m", "@message.json");
  assert.match(text.out, /this message: it lets it pass/);
  const elsewhere = await explain("described.yaml", "--request", "wss://shop/graphql");
  assert.match(
    elsewhere.out,
    /matches\[0\]\.graphql: expected a WebSocket that carries GraphQL, of subprotocol graphql-transport-ws or graphql-ws, got subprotocol none\n/,
  );
});
