// Three sidecars on a cluster of three servers, under traffic: the leader killed, then paused, all servers killed, started
// again, wiped. No call is lost, the sidecars agree in the end, and nothing that was replaced comes back.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { rulesApply } from "../../src/commands/rules-apply.ts";
import { systemClock } from "../../src/core/clock.ts";
import { systemRandom } from "../../src/core/random.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import { noAccess } from "../../src/core/store-access.ts";
import { parseStoreUrl } from "../../src/core/store-url.ts";
import { type Sidecar, startSidecar } from "../../src/sidecar/sidecar.ts";
import { atEnd } from "../support/at-end.ts";
import { fakeShell } from "../support/fake-shell.ts";
import { eventually, lacks, type StoreCluster, startCluster } from "../support/store-servers.ts";

const sidecars = 3;

for (const kind of ["consul", "etcd"] as const) {
  test(`${kind} cluster: leader killed, paused, all gone, wiped: no call lost, nothing stale`, {
    skip: lacks(kind),
    timeout: 180_000,
  }, async (context) => {
    const cluster = await startCluster(kind, 3);
    atEnd(context, () => cluster.close());
    const field = await openField(cluster, context);
    const { apply, seenBy, agree } = field;

    await apply(1);
    await agree("round 1");

    const killed = await cluster.leader();
    await killed.kill();
    await apply(2);
    await agree("round 2");
    killed.start();
    await cluster.ready();

    const paused = await cluster.leader();
    await paused.pause();
    await apply(3);
    await agree("round 3");
    paused.resume();
    await apply(4);
    await agree("round 4");

    const before = field.calls();
    for (const server of cluster.servers) await server.kill();
    await eventually("calls go on", () => field.calls() > before + 100);
    assert.deepEqual(await seenBy(), Array(sidecars).fill("round 4"), "the rules stay while nobody answers");
    for (const server of cluster.servers) server.start();
    await cluster.ready();
    await apply(5);
    await agree("round 5");
    for (const rounds of field.rounds()) {
      assert.deepEqual(
        rounds,
        [...rounds].sort((a, b) => a - b),
        "a replaced rule came back",
      );
    }

    for (const server of cluster.servers) await server.kill();
    for (const server of cluster.servers) server.wipe();
    for (const server of cluster.servers) server.start();
    await cluster.ready();
    await agree("real");
    await apply(6);
    await agree("round 6");
    assert.deepEqual(field.lost(), []);
    assert.ok(field.calls() > 500, `${field.calls()} calls`);
  });
}

/** The sidecars with an upstream, traffic through them, and rules that say in which round they were applied. */
async function openField(cluster: StoreCluster, context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "understudy-cluster-"));
  atEnd(context, () => rmSync(folder, { recursive: true, force: true }));
  const upstream = createServer((_request, response) => response.end("real")).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  atEnd(context, () => upstream.close());
  const to = { host: "127.0.0.1", port: (upstream.address() as AddressInfo).port };
  const rounds: number[][] = [];
  const running: Sidecar[] = [];
  const agent = new Agent({ keepAlive: true });
  for (let index = 0; index < sidecars; index++) {
    running.push(await open(cluster, to, join(folder, `s${index}`), `sidecar-${index}`));
    rounds.push([]);
  }
  const ports = running.map(({ addresses }) => addresses[0]?.port ?? 0);
  const traffic = startTraffic(ports, agent, (sidecar, body) => {
    const round = Number(/^round (\d+)$/.exec(body)?.[1] ?? 0);
    if (round > 0 && rounds[sidecar]?.at(-1) !== round) rounds[sidecar]?.push(round);
  });
  atEnd(context, async () => {
    await traffic.stop();
    agent.destroy();
    for (const sidecar of running) await sidecar.close();
    upstream.closeAllConnections();
  });
  const seenBy = () => Promise.all(ports.map((port) => call(port, agent)));
  return {
    seenBy,
    ...{ calls: traffic.calls, lost: traffic.lost },
    /** Of each sidecar: the rounds in the order in which it answered with them. */
    rounds: () => rounds,
    async agree(text: string) {
      await eventually(`all answer ${text}`, async () => (await seenBy()).every((body) => body === text));
    },
    async apply(round: number) {
      const file = join(folder, "rules.json");
      const respond = { body: `round ${round}` };
      writeFileSync(file, JSON.stringify({ version: 1, rules: [{ name: "round", respond }] }));
      await eventually(`round ${round} is applied`, async () => {
        const shell = fakeShell({ cwd: folder });
        return rulesApply.run([file, "--store", cluster.url], shell).then(
          (code) => code === 0,
          (thrown) => {
            assert.ok(["store_unavailable", "store_conflict"].includes(thrown.code), String(thrown));
            return false;
          },
        );
      });
    },
  };
}

function open(
  cluster: StoreCluster,
  to: { readonly host: string; readonly port: number },
  stateDir: string,
  memberName: string,
): Promise<Sidecar> {
  const url = parseStoreUrl(cluster.url) ?? assert.fail();
  return startSidecar(
    {
      settings: defaultSettings,
      listeners: [
        {
          kind: "bind",
          address: { host: "127.0.0.1", port: 0 },
          mode: { kind: "fixed", to, direction: "outbound" },
        },
      ],
      admin: null,
      rules: null,
      store: { url, access: noAccess, service: null, namespace: null, stateDir, memberName },
      whenRulesAreBad: "relay",
      taps: [],
    },
    { clock: systemClock, random: systemRandom },
  );
}

/** One call after the other through each sidecar. */
function startTraffic(ports: readonly number[], agent: Agent, hear: (sidecar: number, body: string) => void) {
  const lost: string[] = [];
  let calls = 0;
  let going = true;
  const loops = ports.map(async (port, sidecar) => {
    while (going) {
      try {
        hear(sidecar, await call(port, agent));
        calls++;
      } catch (thrown) {
        lost.push(String(thrown));
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
  return {
    calls: () => calls,
    lost: () => lost,
    async stop() {
      going = false;
      await Promise.all(loops);
    },
  };
}

function call(port: number, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: "127.0.0.1", port, agent, timeout: 2_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text) => {
        body += text;
      });
      response.on("end", () => (response.statusCode === 200 ? resolve(body) : reject(new Error(body))));
      response.on("error", reject);
    });
    asking.on("timeout", () => asking.destroy(new Error("too slow")));
    asking.on("error", reject);
    asking.end();
  });
}
