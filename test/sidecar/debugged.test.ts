// Debug lines of the stages: each tells its part of a call, and what is served stays as it is.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openStore } from "../../src/control/rules/kv/open-store.ts";
import { systemClock } from "../../src/core/clock.ts";
import { createDebug, debugAreas } from "../../src/core/debug.ts";
import { systemRandom } from "../../src/core/random.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { noAccess } from "../../src/core/store-access.ts";
import { parseStoreUrl } from "../../src/core/store-url.ts";
import { type Sidecar, startSidecar } from "../../src/sidecar/sidecar.ts";
import { meshFolder, startMeshSidecar } from "../support/mesh-sidecars.ts";

const rules = `version: 1
rules:
  - {name: teapot, matches: [{path: /tea}], respond: {status: 418}}
  - {name: deep, matches: [{path: /deep, body: {contains: abc}}], respond: {status: 201}}
  - {name: cut, matches: [{path: /cut}], fault: {abort: reset}}
`;

async function startDebugged(context: TestContext, areas: string) {
  const folder = mkdtempSync(join(tmpdir(), "understudy-debug-"));
  const server = http.createServer((_request, response) => response.end("real")).listen(0, "127.0.0.1");
  await once(server, "listening");
  writeFileSync(join(folder, "rules.yaml"), rules);
  const lines: string[] = [];
  const sink = { write: (text: string) => void lines.push(text.replace(/^\S+ /, "")) };
  const upstream = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  const sidecar = await startSidecar(
    {
      settings: defaultSettings,
      listeners: [
        {
          kind: "bind",
          address: { host: "127.0.0.1", port: 0 },
          mode: { kind: "fixed", to: upstream, direction: "outbound" },
        },
      ],
      admin: null,
      rules: join(folder, "rules.yaml"),
      whenRulesAreBad: "refuse",
      taps: [],
    },
    { clock: systemClock, random: systemRandom, debug: createDebug(areas, sink, systemClock) },
  );
  context.after(async () => {
    await sidecar.close();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return { sidecar, lines, place: `127.0.0.1:${upstream.port}` };
}

async function ask({ addresses }: Sidecar, path: string, body = ""): Promise<number> {
  const request = http.request({
    ...{ host: "127.0.0.1", port: addresses[0]?.port, path, method: "POST" },
    ...{ headers: { host: "shop" }, agent: false },
  });
  request.end(body);
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  await response.resume().toArray();
  return response.statusCode ?? 0;
}

test("debug: each stage tells its part of a call", async (context) => {
  const { sidecar, lines, place } = await startDebugged(context, "*");
  assert.deepEqual(
    [await ask(sidecar, "/tea"), await ask(sidecar, "/deep", "abc"), await ask(sidecar, "/other")],
    [418, 201, 200],
  );
  await assert.rejects(ask(sidecar, "/cut"));
  const text = lines.join("");
  for (const expected of [
    /^DETECT \d+ first bytes → http\/1$/m,
    /^DECIDE 1 POST shop\/tea → teapot$/m,
    /^PERFORM 1 POST shop\/tea by teapot → 418 [\d.]+ ms$/m,
    /^DECIDE 2 POST shop\/deep → the body decides$/m,
    /^DECIDE 2 POST shop\/deep with 3 bytes of body → deep$/m,
    /^DECIDE 3 POST shop\/other → nobody claims it$/m,
    /^PERFORM 4 POST shop\/cut by cut → sever [\d.]+ ms$/m,
    new RegExp(`^RELAY ${place} dialled$`, "m"),
    new RegExp(`^RELAY ${place} first bytes after [\\d.]+ ms$`, "m"),
  ])
    assert.match(text, expected);
  assert.equal(text.match(/^RELAY .* dialled$/gm)?.length, 1);
});

test("debug: an area that nobody asked for is silent", async (context) => {
  const { sidecar, lines } = await startDebugged(context, "relay");
  assert.equal(await ask(sidecar, "/tea"), 418);
  assert.deepEqual(lines, []);
});

test("debug: members tell whom they hear", async (context) => {
  const folder = meshFolder(context);
  const flags = ["--gossip-key", folder.file("keys", Buffer.alloc(32, 5).toString("base64"))];
  const env = { UNDERSTUDY_DEBUG: "mesh" };
  const a = await startMeshSidecar(context, "a", flags, env);
  await startMeshSidecar(context, "b", [...flags, "--join", a.gossip], env);
  await a.process.seen("stderr", /^[\d.]+ MESH b at 127\.0\.0\.1:\d+ is alive, serving$/m);
});

test("debug: the servers of a store tell why they failed", async () => {
  const lines: string[] = [];
  const debug = createDebug("stores", { write: (text) => void lines.push(text) }, systemClock);
  const url = parseStoreUrl("consul://127.0.0.1:1");
  assert.ok(url);
  const store = await openStore(url, noAccess, { clock: systemClock, random: systemRandom, debug });
  await assert.rejects(store.read("rules/", new AbortController().signal), { code: "store_unavailable" });
  store.close();
  assert.match(
    lines.join(""),
    /STORES 127\.0\.0\.1:1 is connected to\n.*STORES 127\.0\.0\.1:1 failed: .*ECONNREFUSED/,
  );
});

test("debug: the page names every area", () => {
  const page = readFileSync(new URL("../../docs/debug.md", import.meta.url), "utf8");
  for (const area of debugAreas) assert.match(page, new RegExp(`^\\|.*\`${area}\`.*\\|`, "m"), area);
});
