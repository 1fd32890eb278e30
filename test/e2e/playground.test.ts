// The playground on the admin port: its files, operations on the mock of a rule, and GraphiQL itself in Chromium.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TapEvent } from "../../src/core/tap.ts";
import { startProxy } from "../../src/index.ts";
import { shopSdl } from "../proxy/lanes/dialects/graphql/stage.ts";

const noChromium =
  spawnSync("chromium", ["--version"], { stdio: "ignore" }).status === 0
    ? false
    : "needs chromium (scripts/components.sh)";

let folder: string;
let proxy: Awaited<ReturnType<typeof startProxy>>;
let base: string;
const events: TapEvent[] = [];
let toldOf: () => void = () => undefined;

before(async () => {
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
  const observe = (event: TapEvent) => {
    events.push(event);
    toldOf();
  };
  proxy = await startProxy({
    rules: join(folder, "rules.yaml"),
    admin: "127.0.0.1:0",
    taps: [{ observe }],
  });
  base = `http://127.0.0.1:${proxy.adminAddress?.port}`;
});
after(async () => {
  await proxy.close();
  rmSync(folder, { recursive: true });
});

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

test("playground: GraphiQL runs in a browser and reads the schema", { skip: noChromium }, async () => {
  const isIntrospection = (event: TapEvent) =>
    event.kind === "graphql" &&
    event.what.kind === "operation" &&
    event.what.name === "IntrospectionQuery" &&
    event.rule === "shop";
  const profile = mkdtempSync(join(tmpdir(), "understudy-chromium-"));
  const words = ["--headless=new", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`];
  const browser = spawn(
    "chromium",
    [...words, "--virtual-time-budget=20000", "--dump-dom", `${base}/playground`],
    {
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  let dom = "";
  browser.stdout.setEncoding("utf8").on("data", (text: string) => {
    dom += text;
  });
  const asked = new Promise<void>((resolve) => {
    toldOf = () => {
      if (events.some(isIntrospection)) resolve();
    };
  });
  await once(browser, "close");
  await asked;
  assert.match(dom, /class="graphiql-container/);
  assert.match(dom, /<option value="shop"/);
  rmSync(profile, { recursive: true, force: true });
});
