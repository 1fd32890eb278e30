// The public API, used as its page in docs/ shows it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startProxy, type TapEvent, UnderstudyError } from "../src/index.ts";

async function upstream(context: TestContext): Promise<string> {
  const server = createServer((_request, response) => response.end("the real one")).listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  // A listening TCP server has an address with a port.
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function rulesFile(context: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "understudy-api-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "rules.yaml");
  writeFileSync(file, text);
  return file;
}

const mock =
  "version: 1\nrules:\n  - {name: m, matches: [{path: /mocked}], respond: {body: from the rule}}\n";

test("api: a proxy in this process mocks what a rule names and relays the rest", async (context) => {
  const events: TapEvent[] = [];
  await using proxy = await startProxy({
    to: await upstream(context),
    rules: rulesFile(context, mock),
    admin: "127.0.0.1:0",
    taps: [{ observe: (event) => void events.push(event) }],
  });
  assert.equal(proxy.ruleCount, 1);
  const get = async (path: string) =>
    (
      await fetch(`http://127.0.0.1:${proxy.address.port}${path}`, { headers: { connection: "close" } })
    ).text();
  assert.equal(await get("/mocked"), "from the rule");
  assert.equal(await get("/"), "the real one");
  assert.equal((await fetch(`http://127.0.0.1:${proxy.adminAddress?.port}/readyz`)).status, 200);
  assert.deepEqual(
    events.flatMap((event) => (event.kind === "call" ? event.outcome : [])),
    ["mocked", "relayed"],
  );
  await proxy.drain();
});

test("api: what is wrong rejects with an error that has a code", async (context) => {
  const rules = rulesFile(context, "version: 1\nrules:\n  - {name: m, respond: {status: fast}}\n");
  await assert.rejects(
    startProxy({ rules }),
    (error) =>
      error instanceof UnderstudyError && error.code === "bad_rules" && /rules\.yaml:3/.test(error.message),
  );
  await assert.rejects(startProxy({ to: "nowhere" }), /to: expected an address/);
});

test("api: settings that are left out are the usual ones", async () => {
  await using proxy = await startProxy({ settings: { limits: { maxHeadBytes: 2_000 } } });
  const ask = async (length: number) => {
    const headers = { "x-long": "x".repeat(length), connection: "close" };
    return (await fetch(`http://127.0.0.1:${proxy.address.port}/`, { headers })).status;
  };
  assert.equal(await ask(3_000), 431);
  assert.notEqual(await ask(1_000), 431);
});

for (const [settings, message] of [
  [
    { limits: { maxHeadByte: 1 } },
    "settings.limits.maxHeadByte: no such setting; did you mean maxHeadBytes?",
  ],
  [{ limits: { maxHeaders: "5" } }, 'settings.limits.maxHeaders: expected a number from 0 on, got "5"'],
  [{ deadlines: { idleMs: Number.NaN } }, "settings.deadlines.idleMs: expected a number from 0 on, got NaN"],
  [{ deadlines: 5 }, "settings.deadlines: expected an object of settings, got 5"],
  [{ portHints: { 80: "opaque" } }, 'settings.portHints: expected a Map of ports, got {"80":"opaque"}'],
  [{ opaqueHosts: "a" }, 'settings.opaqueHosts: expected a list of hosts, got "a"'],
  [{ colour: 1 }, "settings.colour: no such setting"],
] as const)
  test(`api: ${message}`, async () => {
    const given: object = settings; // as from JavaScript
    await assert.rejects(startProxy({ settings: given }), { code: "bad_config", message });
  });

test("api: the example of its page runs as it stands", async (context) => {
  const page = readFileSync(new URL("../docs/api.md", import.meta.url), "utf8");
  const [, example = ""] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
  const body = example
    .replace(/^import .*$/m, "")
    .replace('"127.0.0.1:8080"', JSON.stringify(await upstream(context)))
    .replace('"rules.yaml"', JSON.stringify(rulesFile(context, mock)));
  const said: unknown[] = [];
  const run = new Function("startProxy", "console", `return (async () => {${body}})();`);
  await run(startProxy, { log: (text: unknown) => said.push(text) });
  assert.ok(said.includes("from the rule"));
  assert.ok(said.includes("rules-applied"));
});
