// What the admin port changes, and for whom; and what it shows of the mesh.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { networkInterfaces } from "node:os";
import { type TestContext, test } from "node:test";
import { type AdminOptions, startAdmin } from "../../../src/control/admin/server.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { quietAdmin } from "../../support/admin-sources.ts";

async function admin(t: TestContext, host: string, change: Partial<AdminOptions> = {}) {
  const said: string[] = [];
  const started = await startAdmin(
    {
      listen: { host, port: 0 },
      metrics: async () => ({ contentType: "", text: "" }),
      journal: () => [],
      rules: () => ({ revision: null, count: 0, problems: [] }),
      ready: () => ({ ready: true, reasons: [] }),
      ...quietAdmin,
      faults: {
        ...quietAdmin.faults,
        say: (halted, by) => {
          said.push(`${halted} ${by}`);
          return quietAdmin.faults.say(halted, by);
        },
      },
      clock: systemClock,
      ...change,
    },
    new AbortController().signal,
  );
  t.after(() => started.close());
  const ask = async (method: string, path: string, headers: http.OutgoingHttpHeaders = {}, to = host) => {
    const { port } = started.address;
    const request = http.request({ host: to, port, path, method, headers, agent: false }).end();
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    let body = "";
    for await (const chunk of response) body += chunk;
    return { status: response.statusCode, allow: response.headers.allow, body: JSON.parse(body) };
  };
  return { ask, said };
}

test("admin: faults are stopped and resumed by POST alone", async (t) => {
  const { ask, said } = await admin(t, "127.0.0.1");
  const stopped = await ask("POST", "/faults/stop?by=alice%40laptop");
  assert.deepEqual([stopped.status, stopped.body.halted, stopped.body.by], [200, true, "alice@laptop"]);
  assert.equal((await ask("POST", "/faults/resume")).status, 200);
  assert.deepEqual(said, ["true alice@laptop", "false "]);
  for (const method of ["GET", "HEAD", "PUT"] as const) {
    if (method === "HEAD") continue; // it has no body to be read here
    const { status, allow } = await ask(method, "/faults/stop");
    assert.deepEqual([status, allow], [405, "POST"], method);
  }
  assert.deepEqual((await ask("POST", "/faults")).allow, "GET, HEAD");
  assert.equal((await ask("GET", "/faults")).body.halted, false);
  assert.equal(said.length, 2);
});

test("admin: no page in a browser changes anything", async (t) => {
  const { ask, said } = await admin(t, "127.0.0.1");
  for (const headers of [
    { origin: "null" },
    { origin: "http://127.0.0.1:1" },
    { "sec-fetch-site": "same-origin" },
  ]) {
    const { status, body } = await ask("POST", "/faults/stop", headers);
    assert.deepEqual([status, body.error], [403, "changes are not taken from browsers"]);
  }
  assert.equal((await ask("POST", "/faults/stop", { host: "evil.example" })).status, 421);
  assert.deepEqual(said, []);
});

const outward = Object.values(networkInterfaces())
  .flatMap((found) => found ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;

test("admin: nobody else on the network changes anything", {
  skip: outward ? false : "needs an address besides loopback",
}, async (t) => {
  const { ask, said } = await admin(t, "0.0.0.0");
  const { status, body } = await ask("POST", "/faults/stop", {}, outward);
  assert.equal(status, 403);
  assert.match(body.error, /^changes are taken from this machine alone, not from /);
  assert.equal((await ask("GET", "/faults", {}, outward)).status, 200);
  assert.equal((await ask("POST", "/faults/stop", {}, "127.0.0.1")).status, 200);
  assert.equal(said.length, 1);
});

test("admin: the mesh is shown, or that there is none", async (t) => {
  const alone = await admin(t, "127.0.0.1");
  const none = await alone.ask("GET", "/mesh");
  assert.deepEqual([none.status, none.body.error], [404, "this sidecar is in no mesh: see --gossip"]);
  const { ask } = await admin(t, "127.0.0.1", { mesh: async () => ({ name: "a", members: [] }) });
  assert.deepEqual((await ask("GET", "/mesh")).body, { name: "a", members: [] });
});
