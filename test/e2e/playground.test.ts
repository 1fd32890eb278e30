// The playground on the admin port: its files, operations on the mock of a rule, and GraphiQL itself in Chromium.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TapEvent } from "../../src/core/tap.ts";
import { startProxy } from "../../src/index.ts";
import { shopSdl } from "../proxy/lanes/dialects/graphql/stage.ts";
import { aroundTests } from "../support/around-tests.ts";
import { noChromium, openChromium } from "../support/chromium.ts";

let folder: string;
let proxy: Awaited<ReturnType<typeof startProxy>>;
let base: string;
const events: TapEvent[] = [];

aroundTests(
  async () => {
    folder = mkdtempSync(join(tmpdir(), "understudy-playground-"));
    writeFileSync(join(folder, "shop.graphql"), shopSdl);
    writeFileSync(
      join(folder, "rules.yaml"),
      `version: 1
rules:
  - {name: other, matches: [{path: /other}], respond: {status: 204}}
  - name: shop
    matches: [{host: shop.test}]
    fault: {delay: 10m}
    respond:
      graphql:
        schema: shop.graphql
        overrides: {Query.count: 7, Subscription.ticks: {events: [{value: 1}, {value: 2}]}}
`,
    );
    proxy = await startProxy({
      rules: join(folder, "rules.yaml"),
      admin: "127.0.0.1:0",
      taps: [{ observe: (event) => events.push(event) }],
    });
    base = `http://127.0.0.1:${proxy.adminAddress?.port}`;
  },
  async () => {
    await proxy.close();
    rmSync(folder, { recursive: true });
  },
);

const ask = (query: string, rule: string, headers: Record<string, string> = {}) =>
  fetch(`${base}/playground/graphql?rule=${rule}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query }),
  });

test("playground: the page, its scripts and the rules that it offers come from the admin port", async () => {
  const page = await fetch(`${base}/playground`);
  assert.match(page.headers.get("content-security-policy") ?? "", /^default-src 'none'; script-src 'self'/);
  const html = await page.text();
  assert.doesNotMatch(html, /https?:/, "nothing comes from elsewhere");
  for (const [, path = ""] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
    const file = await fetch(base + path);
    assert.equal(file.status, 200, path);
    assert.ok((await file.arrayBuffer()).byteLength > 100, path);
  }
  assert.deepEqual(await (await fetch(`${base}/playground/rules`)).json(), { rules: ["shop"] });
  assert.equal((await fetch(`${base}/playground/nothing`)).status, 404);
  assert.match(await (await fetch(base, { headers: { accept: "text/html" } })).text(), /\/playground/);
});

test("playground: operations and subscriptions are answered by the mock, whatever the rule selects", async () => {
  const reply = await ask("{ count }", "shop");
  assert.deepEqual([reply.status, await reply.json()], [200, { data: { count: 7 } }]);
  const stream = await ask("subscription { ticks }", "shop", { accept: "text/event-stream" });
  assert.match(await stream.text(), /"ticks":1.*"ticks":2.*event: complete/s);
});

test("playground: what is no operation on a mock is refused", async () => {
  assert.equal((await ask("{ count }", "other")).status, 404);
  assert.equal((await ask("{ count }", "shop", { "content-type": "text/plain" })).status, 415);
  assert.equal((await fetch(`${base}/playground/graphql?rule=shop`)).status, 405);
  assert.equal((await fetch(`${base}/playground`, { method: "POST" })).status, 405);
  const large = await ask("#".repeat(1_100_000), "shop");
  assert.equal(large.status, 413);
});

test("playground: GraphiQL in a browser reads the schema, asks a query and follows a subscription", {
  skip: noChromium,
}, async () => {
  await using browser = await openChromium();
  const page = await browser.newPage();
  const failed: string[] = [];
  page.on("pageerror", (error) => failed.push(error.message));
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== base) failed.push(request.url());
  });
  await page.goto(`${base}/playground?rule=shop`);
  const editor = page.locator(".graphiql-query-editor .CodeMirror").first();
  const run = async (query: string, expected: string) => {
    await editor.click();
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText(query);
    await page.keyboard.press("Control+Enter");
    await page.locator(".result-window", { hasText: expected }).waitFor();
  };
  await run("{ count }", '"count": 7');
  await run("subscription { ticks }", '"ticks": 2');
  assert.deepEqual(failed, []);
  assert.ok(events.some(isIntrospection), "the schema was asked of the mock");
});

function isIntrospection(event: TapEvent): boolean {
  if (event.kind !== "graphql" || event.what.kind !== "operation") return false;
  return event.rule === "shop" && event.what.name === "IntrospectionQuery";
}
