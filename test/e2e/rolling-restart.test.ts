// Five sidecars behind one balancer are restarted one after the other while rules keep changing: no call is lost, those under
// way at the signal included, and in the end all run the newest rules. The sidecars are processes of the program.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { rulesApply } from "../../src/commands/rules-apply.ts";
import { atEnd } from "../support/at-end.ts";
import { fakeShell } from "../support/fake-shell.ts";
import { freePort } from "../support/free-port.ts";
import { eventually, lacks, startCluster } from "../support/store-servers.ts";
import { type Running, startUnderstudy } from "../support/understudy-process.ts";

const sidecars = 5;
const callers = 16;
/** How long a call takes, and how long it may take to reach its sidecar. */
const [callMs, reachMs] = [300, 100];

for (const kind of ["consul", "etcd"] as const)
  test(`${kind}: a rolling restart of ${sidecars} sidecars while rules change: no call lost`, {
    skip: lacks(kind),
    timeout: 120_000,
  }, async (context) => {
    const cluster = await startCluster(kind, 1);
    atEnd(context, () => cluster.close());
    const folder = mkdtempSync(join(tmpdir(), "understudy-rolling-"));
    atEnd(context, () => rmSync(folder, { recursive: true, force: true }));
    const upstream = await openUpstream(context);
    const apply = async (round: number) => {
      const file = join(folder, "rules.json");
      const rules = [{ name: "round", respond: { body: String(round), delay: `${callMs}ms` } }];
      writeFileSync(file, JSON.stringify({ version: 1, rules }));
      assert.equal(await rulesApply.run([file, "--store", cluster.url], fakeShell({ cwd: folder })), 0);
    };
    await apply(1);
    const field = await openField(context, folder, cluster.url, upstream);
    const traffic = startTraffic(field.pick, context);
    await eventually("calls are answered", () => traffic.calls() > 50);

    let round = 1;
    const changing = { going: true };
    const changes = (async () => {
      while (changing.going) {
        await apply(++round);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    for (let index = 0; index < sidecars; index++) await field.restart(index);
    changing.going = false;
    await changes;

    await eventually("all run the newest rules", async () =>
      (await Promise.all(field.ports().map((port) => ask(port, null)))).every(
        (body) => body === String(round),
      ),
    );
    const { calls, lost } = await traffic.stop();
    assert.deepEqual(lost, []);
    assert.ok(calls > 200 && round > 10, `${calls} calls, ${round} rounds`);
    assert.ok(field.metBySignal() > 0, "no call was under way at any signal");
  });

async function openUpstream(context: TestContext): Promise<string> {
  const upstream = createServer((_request, response) => response.end("real")).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  atEnd(context, () => {
    upstream.close();
    upstream.closeAllConnections();
  });
  return `127.0.0.1:${(upstream.address() as AddressInfo).port}`;
}

interface Slot {
  running: Running;
  readonly port: number;
  readonly agent: Agent;
  inUse: boolean;
  /** Calls that it has not answered yet. */
  underWay: number;
}

/** The sidecars, each on a port that it keeps, and who of them gets the next call. */
async function openField(context: TestContext, folder: string, store: string, upstream: string) {
  const start = async (port: number, name: string): Promise<Running> => {
    const running = startUnderstudy([
      ...["proxy", "--store", store, "--admin", "off", "--state-dir", join(folder, name)],
      ...["--listen", `127.0.0.1:${port}`, "--to", upstream, "--json"],
    ]);
    await running.seen("stdout", /"msg":"started"/);
    return running;
  };
  const slots: Slot[] = [];
  atEnd(context, async () => {
    for (const { running, agent } of slots) {
      agent.destroy();
      running.process.kill("SIGTERM");
      await running.finished;
    }
  });
  for (let index = 0; index < sidecars; index++) {
    const port = await freePort();
    const running = await start(port, `s${index}`);
    slots.push({ running, port, agent: new Agent({ keepAlive: true }), inUse: true, underWay: 0 });
  }
  let turn = 0;
  let underWay = 0;
  return {
    /** Calls that a signal met, all restarts together. */
    metBySignal: () => underWay,
    ports: () => slots.map(({ port }) => port),
    pick(): Slot {
      const able = slots.filter(({ inUse }) => inUse);
      return able[turn++ % able.length] ?? assert.fail("nobody is there");
    },
    /** As an orchestrator does: no new calls, then SIGTERM amid those under way, then a new one, then calls again. */
    async restart(index: number): Promise<void> {
      const slot = slots[index] ?? assert.fail();
      slot.inUse = false;
      await new Promise((resolve) => setTimeout(resolve, reachMs));
      underWay += slot.underWay;
      slot.running.process.kill("SIGTERM");
      const { code } = await slot.running.finished;
      assert.equal(code, 0, "a graceful end");
      slot.running = await start(slot.port, `s${index}`);
      slot.inUse = true;
    },
  };
}

/** Calls all the time, several at once. */
function startTraffic(pick: () => Slot, context: TestContext) {
  const lost: string[] = [];
  let calls = 0;
  let going = true;
  const loops = Array.from({ length: callers }, async () => {
    while (going) {
      const slot = pick();
      const { port, agent } = slot;
      slot.underWay++;
      await ask(port, agent).then(
        (body) => {
          calls++;
          // Every sidecar has rules from its first call on.
          if (!/^\d+$/.test(body)) lost.push(`answered ${body}`);
        },
        (thrown) => lost.push(`${thrown} at ${port}`),
      );
      slot.underWay--;
    }
  });
  atEnd(context, () => {
    going = false;
  });
  return {
    calls: () => calls,
    async stop() {
      going = false;
      await Promise.all(loops);
      return { calls, lost };
    },
  };
}

function ask(port: number, agent: Agent | null): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, timeout: 5_000, ...(agent ? { agent } : {}) };
    const asking = request(options, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text) => {
        body += text;
      });
      response.on("end", () =>
        response.statusCode === 200 ? resolve(body) : reject(new Error(`${response.statusCode} ${body}`)),
      );
      response.on("error", reject);
    });
    asking.on("timeout", () => asking.destroy(new Error("too slow")));
    asking.on("error", reject);
    asking.end();
  });
}
