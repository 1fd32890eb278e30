// What a sidecar is told of its store: where its copy on disk lies, and what it is called.

import assert from "node:assert/strict";
import { test } from "node:test";
import { storeOptionsOf } from "../../src/commands/store-setup.ts";
import { loadConfig } from "../../src/control/config/load.ts";
import { fakeShell } from "../support/fake-shell.ts";

async function optionsOf(flags: Readonly<Record<string, string>>, env: Record<string, string>) {
  const config = await loadConfig({
    flags: new Map(Object.entries(flags)),
    env,
    readFile: () => assert.fail("nothing to read"),
  });
  return storeOptionsOf(config, fakeShell({ env }));
}

test("store setup: no store, no options", async () => {
  assert.equal(await optionsOf({}, {}), null);
});

test("store setup: the copy on disk lies where it is told, or where state usually lies", async () => {
  const store = "consul://127.0.0.1";
  assert.equal((await optionsOf({ store, stateDir: "/s" }, { HOME: "/h" }))?.stateDir, "/s");
  assert.equal((await optionsOf({ store }, { HOME: "/h", XDG_STATE_HOME: "/x" }))?.stateDir, "/x/understudy");
  assert.equal((await optionsOf({ store }, { HOME: "/h" }))?.stateDir, "/h/.local/state/understudy");
  assert.equal((await optionsOf({ store }, {}))?.stateDir, null);
});

test("store setup: a member is called by its service, its host and its process; a variable wins over a file", async () => {
  const env = { UNDERSTUDY_STORE_TOKEN: "t" };
  const found = await optionsOf({ store: "etcd://a,b:1/x", service: "pay", storeTokenFile: "/f" }, env);
  assert.match(found?.memberName ?? "", /^pay-.+-4711$/);
  assert.deepEqual(found?.access.token, { from: "text", text: "t" });
  assert.deepEqual(found?.url.hosts, [
    { host: "a", port: 2_379 },
    { host: "b", port: 1 },
  ]);
  assert.equal(found?.url.prefix, "x/");
});
