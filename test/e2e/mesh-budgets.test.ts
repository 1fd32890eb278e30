// Real sidecars that share a rule's maxActive: together they hold as many calls as it says, wherever the calls come.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { HostPort } from "../../src/core/address.ts";
import { type MeshSidecar, meshFolder, startMeshSidecar } from "../support/mesh-sidecars.ts";
import { eventually } from "../support/store-servers.ts";

const rules = (maxActive: number) => `version: 1
rules:
  - name: held
    matches: [{ path: /held }]
    scope: { maxActive: ${maxActive} }
    fault: { abort: hang }
`;

/** Calls through sidecars to an upstream that answers at once, so whoever has no answer is held by the rule. */
class Load {
  #held = 0;
  readonly #requests = new Set<http.ClientRequest>();
  readonly #to: HostPort;

  constructor(to: HostPort) {
    this.#to = to;
  }

  get held(): number {
    return this.#held;
  }

  async call({ proxy }: MeshSidecar): Promise<void> {
    const path = `http://${this.#to.host}:${this.#to.port}/held`;
    const request = http.get({ host: proxy.host, port: proxy.port, path, agent: false });
    this.#requests.add(request);
    this.#held++;
    request.on("response", (response) => response.resume());
    request.on("error", () => undefined);
    request.on("close", () => {
      this.#held--;
      this.#requests.delete(request);
    });
  }

  end(): void {
    for (const request of this.#requests) request.destroy();
  }
}

async function loadOf(t: TestContext): Promise<Load> {
  const server = http.createServer((_request, response) => response.end("real")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const load = new Load({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
  t.after(() => {
    load.end();
    server.close();
    server.closeAllConnections();
  });
  return load;
}

async function budgetOf(one: MeshSidecar) {
  return (await one.mesh()).budgets?.[0] ?? assert.fail(`${one.name} tells of no budget`);
}

test("mesh: maxActive holds for four sidecars together, and goes where the calls are", async (t) => {
  const flags = ["--rules", meshFolder(t).file("rules.yaml", rules(8))];
  const a = await startMeshSidecar(t, "a", flags);
  const others = await Promise.all(
    ["b", "c", "d"].map((name) => startMeshSidecar(t, name, [...flags, "--join", a.gossip])),
  );
  const all = [a, ...others];
  for (const one of all)
    await eventually(`${one.name} counts on a quarter`, async () => {
      const { share, others: rest } = await budgetOf(one);
      return share === 2 && rest === 6;
    });
  const load = await loadOf(t);
  for (let i = 0; i < 10; i++) for (const one of all) await load.call(one);
  await eventually("each holds its share", async () => {
    const active = await Promise.all(all.map(async (one) => (await budgetOf(one)).active));
    return active.every((count) => count === 2);
  });
  await eventually("who is not held has its answer", () => load.held === 8);
  const status = await a.tell("mesh", "status");
  assert.match(status.stdout, /\nRULE +MAXACTIVE .*\nheld +8 +2 +2 +6 +0\n/);
  const metrics = await fetch(`http://${a.admin.host}:${a.admin.port}/metrics`).then((one) => one.text());
  assert.match(metrics, /understudy_mesh_budget_share\{rule="held"\} 2\n/);
  load.end();
  await eventually("nobody is held", () => load.held === 0);

  await eventually("all of it is where the calls are", async () => {
    const { active } = await budgetOf(a);
    assert.ok(active <= 8, `${active} at once`);
    if (load.held <= active) await load.call(a); // the one before has its answer, or is held
    return active === 8;
  });
  const [victim] = others;
  victim?.process.process.kill("SIGTERM");
  await eventually("who left is not counted on", async () => (await budgetOf(a)).withheld === 0);
});
